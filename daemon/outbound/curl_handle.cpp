// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/curl_handle.h"

#include <sys/socket.h>

namespace taskd::daemon::curl {
namespace {

void use_libcurl() {
    // The first caller initializes; the others wait for it.
    static const CURLcode state = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (state != CURLE_OK) throw std::runtime_error("libcurl can't start");
}

}  // namespace

Owned<CURL> new_handle() {
    use_libcurl();
    Owned<CURL> handle(curl_easy_init());
    if (!handle) throw std::bad_alloc();
    return handle;
}

Owned<CURLU> new_url() {
    use_libcurl();
    Owned<CURLU> url(curl_url());
    if (!url) throw std::bad_alloc();
    return url;
}

std::string part_of(CURLU* url, CURLUPart part) {
    char* text = nullptr;
    if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return "";
    const std::unique_ptr<char, void (*)(void*)> owned(text, curl_free);
    return text;
}

void add(Owned<curl_slist>& list, const std::string& line) {
    curl_slist* const longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    (void)list.release();
    list.reset(longer);
}

curl_socket_t open_socket(const curl_sockaddr& address) {
    return socket(address.family, address.socktype | SOCK_CLOEXEC, address.protocol);
}

}  // namespace taskd::daemon::curl
