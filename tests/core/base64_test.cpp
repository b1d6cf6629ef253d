// SPDX-License-Identifier: Apache-2.0
#include "core/base64.h"

#include "tests/support/seeded_random.h"

#include <catch2/catch.hpp>

using namespace taskd;

TEST_CASE("base64: the examples of RFC 4648 section 10") {
    const char* text = "foobar";
    const char* codes[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (std::size_t length = 0; length <= 6; ++length) {
        const std::string bytes(text, length);
        CHECK(core::base64(bytes) == codes[length]);
        CHECK(core::from_base64(codes[length]) == bytes);
    }
}

TEST_CASE("base64: any bytes come back") {
    test::SeededRandom random{3};
    for (std::size_t length = 0; length < 100; ++length) {
        std::string bytes;
        for (std::size_t i = 0; i < length; ++i) bytes += static_cast<char>(random.next() & 255U);
        CHECK(core::from_base64(core::base64(bytes)) == bytes);
    }
}

TEST_CASE("base64: what is not written so is none") {
    for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "=",
                             "====", "Zg==Zg==", "Zm9v\n", " Zm9v", "Zm-v", "Z=9v", "Zg==x"})
        CHECK_FALSE(core::from_base64(text));
}
