// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace taskd::daemon {

/// Shows a page in the user's browser, by xdg-open; does not wait for it. Without one nothing
/// happens. `url` is http:// or https://.
void open_page(const std::string& url);

}  // namespace taskd::daemon
