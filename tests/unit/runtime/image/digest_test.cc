// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/digest.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::image;

TEST_CASE("digests are those of FIPS 180-4", "[digest]") {
    CHECK(Digest::of("abc").text() == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const Digest longer = Digest::of("abc", Digest::Algorithm::kSha512);
    CHECK(longer.hex().starts_with("ddaf35a193617abacc417349ae204131"));
    CHECK(longer.hex().size() == 128);
    CHECK(must(Digest::parse(longer.text())) == longer);
    Hasher hasher;
    hasher.update("a");
    hasher.update("bc");
    CHECK(hasher.finish() == Digest::of("abc"));
}

TEST_CASE("a digest that could be a path, or another one's spelling, is refused", "[digest]") {
    const std::string hex(64, 'a');
    CHECK(Digest::parse("sha256:" + hex).has_value());
    for (const std::string &text : std::vector<std::string>{
             "", ":", "sha256", "sha256:", "sha256:../../etc", hex, "sha256:" + hex + "a", "sha256:" + hex.substr(1),
             "SHA256:" + hex, "sha256:" + std::string(64, 'A'), "sha256:" + std::string(64, 'g'), "sha384:" + hex,
             "sha512:" + hex, "sha256:" + hex.substr(1) + std::string(1, '\0'), " sha256:" + hex}) {
        CAPTURE(text);
        CHECK(error_of(Digest::parse(text)).code == EINVAL);
    }
    CHECK(Digest().shown().empty());
}

TEST_CASE("a chain of layers has the id that the image specification gives it", "[digest]") {
    const Digest a = Digest::of("a");
    const Digest b = Digest::of("b");
    CHECK(chain_id({}, a) == a);
    CHECK(chain_id(a, b) == Digest::of(a.text() + " " + b.text()));
    CHECK(chain_id(b, a) != chain_id(a, b));
}
