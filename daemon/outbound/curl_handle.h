// SPDX-License-Identifier: Apache-2.0
// libcurl's handles, owned, and its errors as exceptions.
#pragma once

#include <curl/curl.h>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>

namespace taskd::daemon::curl {

struct Release {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
    void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
template <class T>
using Owned = std::unique_ptr<T, Release>;

/// A new easy handle, or one for a URL.
///
/// Errors: std::bad_alloc; std::runtime_error - libcurl can't start.
[[nodiscard]] Owned<CURL> new_handle();
[[nodiscard]] Owned<CURLU> new_url();

/// One part of a URL; "" where it has none.
[[nodiscard]] std::string part_of(CURLU* url, CURLUPart part);

/// Adds a line to a list.
void add(Owned<curl_slist>& list, const std::string& line);

/// Sets an option. Errors: std::bad_alloc; std::runtime_error - libcurl does not take it.
template <class T>
void set(CURL* handle, CURLoption option, T value) {
    const auto error = curl_easy_setopt(handle, option, value);
    if (error == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
    if (error != CURLE_OK)
        throw std::runtime_error(std::string("libcurl: ") + curl_easy_strerror(error));
}

/// A socket that the programs of exec do not inherit, as libcurl's own would be.
[[nodiscard]] curl_socket_t open_socket(const curl_sockaddr& address);

}  // namespace taskd::daemon::curl
