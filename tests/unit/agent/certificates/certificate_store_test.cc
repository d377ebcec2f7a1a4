// SPDX-License-Identifier: Apache-2.0
#include "agent/certificates/certificate_store.h"

#include <sys/stat.h>

#include "agent/certificates/x509.h"
#include "base/timestamp.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kDay = 24LL * 3600 * 1'000'000'000;

KeyPair pair_for(const std::string &name) {
    const std::string key = must(new_key());
    return {.certificate = must(self_signed(key, {.common_name = name, .names = {name}}, std::chrono::hours(1))),
            .key = key};
}

struct Fixture {
    TemporaryDirectory directory = scratch();
    fs::path pki = directory.path() / "pki";
    CertificateStore store{pki, "kubelet-client"};
};

} // namespace

TEST_CASE("a certificate is kept as kubelet keeps it, and another takes its place", "[agent]") {
    Fixture fixture;
    REQUIRE_FALSE(must(fixture.store.current()).has_value());
    const std::int64_t now = *parse_timestamp("2026-01-02T03:04:05Z");
    const KeyPair first = pair_for("a");
    must(fixture.store.store(first, now));
    REQUIRE(fs::read_symlink(fixture.pki / "kubelet-client-current.pem") == "kubelet-client-2026-01-02-03-04-05.pem");
    struct stat status{};
    REQUIRE(stat(fixture.store.current_file().c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    const KeyPair read = must(fixture.store.current()).value();
    CHECK(read.certificate.starts_with(first.certificate));
    CHECK(belong_together(read.certificate, first.key));

    must(fixture.store.store(pair_for("b"), now + kDay));
    CHECK(is_certificate_for(must(fixture.store.current()).value().certificate, {.common_name = "b"}));
    CHECK_FALSE(fs::exists(fixture.pki / "kubelet-client-2026-01-02-03-04-05.pem"));
    CHECK(std::distance(fs::directory_iterator(fixture.pki), {}) == 2);
}

TEST_CASE("a link that leads elsewhere takes nothing with it", "[agent]") {
    Fixture fixture;
    must(make_directories(fixture.pki));
    const fs::path other = fixture.directory.path() / "kubelet-client-mine.pem";
    must(write_file(other, "mine"));
    must(write_file(fixture.pki / "ca.crt", "authority"));
    fs::create_symlink("ca.crt", fixture.store.current_file());
    must(fixture.store.store(pair_for("a"), now_ns()));
    CHECK(must(read_file(other)) == "mine");
    CHECK(must(read_file(fixture.pki / "ca.crt")) == "authority");
    CHECK(must(fixture.store.current()).has_value());
}

TEST_CASE("what is no certificate with its key is an error", "[agent]") {
    Fixture fixture;
    must(make_directories(fixture.pki));
    for (const std::string &text : {std::string("nothing"), pair_for("a").certificate + pair_for("b").key}) {
        must(write_file(fixture.store.current_file(), text));
        CHECK(error_of(fixture.store.current()).message.contains("kubelet-client-current.pem"));
    }
}

TEST_CASE("the key of a request is kept until there is a certificate for it", "[agent]") {
    Fixture fixture;
    const std::string key = must(fixture.store.next_key());
    CHECK(must(fixture.store.next_key()) == key);
    struct stat status{};
    REQUIRE(stat((fixture.pki / "kubelet-client.key.tmp").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    must(write_file(fixture.pki / "kubelet-client.key.tmp", "broken by a power cut"));
    const std::string second = must(fixture.store.next_key());
    CHECK(must(public_half(second)) != must(public_half(key)));
    must(fixture.store.store(pair_for("a"), now_ns()));
    CHECK(must(fixture.store.next_key()) != second);
}
