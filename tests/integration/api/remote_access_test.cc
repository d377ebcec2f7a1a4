// SPDX-License-Identifier: Apache-2.0
#include "base/http/listener.h"
#include "tests/integration/api/daemon_fixture.h"

using namespace ballast;
using ballast::api_tests::DaemonFixture;

namespace {

// A daemon that `remote-access` has opened, and docker commands from afar.
struct Remote {
    DaemonFixture fixture;
    std::string port = std::to_string(must(http::port_of(must(http::listen_tcp("127.0.0.1", 0))))); // free again
    std::string host = "tcp://127.0.0.1:" + port;

    Remote() {
        make("tls", "engine.json");
        fixture.stop();
        fixture.start({host});
    }
    void make(const std::string &directory, const std::string &configuration) const {
        must(run_checked(
            {.arguments = {"rootfs/usr/lib/ballast/remote-access", "--port", port, "--directory",
                           fixture.path(directory).string(), "--config", fixture.path(configuration).string(),
                           "--no-restart", "engine.example", "192.0.2.7"}}));
    }
    Completed docker(const std::string &keys, std::vector<std::string> words, const std::string &input = "") const {
        std::vector<std::string> all{"-H", host, "--tlsverify"};
        for (const char *file : {"ca", "cert", "key"}) {
            const std::filesystem::path directory = fixture.path(std::string(file) == "ca" ? "tls" : keys) / "client";
            all.insert(all.end(), {"--tls" + std::string(file == std::string("ca") ? "cacert" : file),
                                   (directory / (std::string(file) + ".pem")).string()});
        }
        all.insert(all.end(), std::make_move_iterator(words.begin()), std::make_move_iterator(words.end()));
        return fixture.docker(all, input);
    }
};

} // namespace

TEST_CASE("a client with a key of ours works by TLS as it does on the machine", "[api][root]") {
    const Remote remote;
    const Completed version = remote.docker("tls", {"version", "--format", "{{.Server.APIVersion}}"});
    INFO(version.errors << remote.fixture.log());
    REQUIRE(version.status == 0);
    REQUIRE(version.output == "1.45\n");
    // Streams that are given away, and their half-closed ends.
    std::string text;
    for (int line = 0; line < 100'000; line++) {
        text += "line " + std::to_string(line) + "\n";
    }
    const Completed cat =
        remote.docker("tls", {"run", "-i", "--name", "cat", "--network", "none", "inside", "cat"}, text);
    REQUIRE(cat.status == 0);
    REQUIRE(cat.output == text);
    REQUIRE(remote.docker("tls", {"logs", "cat"}).output == text);
    REQUIRE(remote.docker("tls", {"run", "--rm", "--network", "none", "inside", "exit", "7"}).status == 7);
}

TEST_CASE("a client without a key of ours gets nowhere", "[api][root]") {
    const Remote remote;
    remote.make("others", "others.json");
    const Completed foreign = remote.docker("others", {"version"});
    REQUIRE(foreign.status != 0);
    REQUIRE_FALSE(foreign.output.contains("Server:"));
    REQUIRE(DaemonFixture::eventually(
        [&] { return remote.fixture.log().contains("a client by TLS was turned away: certificate verify failed"); }));
    const Completed none = remote.fixture.docker({"-H", remote.host, "--tlsverify", "--tlscacert",
                                                  remote.fixture.path("tls/client/ca.pem").string(), "version"});
    REQUIRE(none.status != 0);
    REQUIRE_FALSE(none.output.contains("Server:"));
    const Completed plain = remote.fixture.docker({"-H", remote.host, "version"});
    REQUIRE(plain.status != 0);
    REQUIRE_FALSE(plain.output.contains("Server:"));
    REQUIRE(remote.docker("tls", {"version"}).status == 0);
}

TEST_CASE("remote-access run again keeps the authority, so that clients' keys stay good", "[api][root]") {
    const Remote remote;
    const std::string before = must(read_file(remote.fixture.path("tls/ca.pem")));
    must(run_checked(
        {.arguments = {"cp", "-a", remote.fixture.path("tls").string(), remote.fixture.path("old").string()}}));
    remote.make("tls", "engine.json");
    CHECK(must(read_file(remote.fixture.path("tls/ca.pem"))) == before);
    CHECK(must(read_file(remote.fixture.path("tls/cert.pem"))) != must(read_file(remote.fixture.path("old/cert.pem"))));
    CHECK(remote.docker("old", {"version"}).status == 0);
}
