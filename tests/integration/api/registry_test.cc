// SPDX-License-Identifier: Apache-2.0
// Pull, push and login by the docker command, with Debian's docker-registry at the other end under a name that is not
// this machine's own (loopback addresses need no certificate).
#include <filesystem>
#include <sys/mount.h>

#include "tests/images/registry.h"
#include "tests/integration/api/daemon_fixture.h"

using namespace ballast;
using ballast::api_tests::DaemonFixture;
using images::Registry;
namespace fs = std::filesystem;

namespace {

constexpr const char *kName = "registry.test";

// An /etc of the fixture's own over the machine's, where the name is known and certificates are put. In the mount
// namespace that the fixture made.
class OwnEtc {
  public:
    explicit OwnEtc(const DaemonFixture &fixture) {
        must(make_directories(fixture.path("etc-upper")));
        must(make_directories(fixture.path("etc-work")));
        const std::string options = "lowerdir=/etc,upperdir=" + fixture.path("etc-upper").string() +
                                    ",workdir=" + fixture.path("etc-work").string();
        REQUIRE(::mount("etc", "/etc", "overlay", 0, options.c_str()) == 0);
        must(write_file("/etc/hosts", std::string("127.0.0.1 localhost ") + kName + "\n", 0644));
    }
    ~OwnEtc() { (void)::umount2("/etc", MNT_DETACH); }
    OwnEtc(const OwnEtc &) = delete;
    OwnEtc &operator=(const OwnEtc &) = delete;

    static fs::path certificates(const Registry &registry) {
        return "/etc/docker/certs.d/" + (kName + (":" + std::to_string(registry.port())));
    }
    // All that the registry's directory holds, or its authority alone.
    static void trust(const Registry &registry, bool with_client_certificate = true) {
        const fs::path place = certificates(registry);
        fs::remove_all(place);
        must(make_directories(place));
        for (const fs::directory_entry &file : fs::directory_iterator(registry.certificates())) {
            if (with_client_certificate || file.path().extension() == ".crt") {
                fs::copy_file(file.path(), place / file.path().filename());
            }
        }
    }
};

Registry start(images::RegistryOptions options) {
    options.tls = true;
    options.certificate_names = {kName};
    return must(Registry::start(options));
}

std::string name_of(const Registry &registry, const std::string &image) {
    return std::string(kName) + ":" + std::to_string(registry.port()) + "/" + image;
}

} // namespace

TEST_CASE("a registry with TLS and a password: pull, run, push, and what is missing is told", "[api][root]") {
    const DaemonFixture fixture;
    const OwnEtc etc(fixture);
    const Registry registry = start({.user = "tester", .password = "secret word"});
    must(registry.push(fixture.layout("busybox")));
    const std::string name = name_of(registry, "busybox");
    const std::string server = name.substr(0, name.find('/'));

    REQUIRE(fixture.docker({"pull", name}).errors.contains("certificate"));
    OwnEtc::trust(registry);
    REQUIRE(fixture.docker({"pull", name}).errors.contains("no basic auth credentials"));
    const Completed refused = fixture.docker({"login", "-u", "tester", "--password-stdin", server}, "wrong");
    REQUIRE(refused.status == 1);
    REQUIRE(
        refused.errors.contains("login attempt to https://" + server + "/v2/ failed with status: 401 Unauthorized"));
    REQUIRE(fixture.docker({"login", "-u", "tester", "--password-stdin", server}, "secret word")
                .output.contains("Login Succeeded"));

    const std::string pulled = fixture.output_of({"pull", name});
    REQUIRE(pulled.contains("latest: Pulling from busybox"));
    REQUIRE(pulled.contains("Pull complete"));
    REQUIRE(pulled.contains("Digest: sha256:"));
    REQUIRE(pulled.contains("Status: Downloaded newer image for " + name + ":latest"));
    REQUIRE(fixture.output_of({"pull", name}).contains("Status: Image is up to date"));
    REQUIRE(fixture.output_of({"run", "--rm", "--network", "none", name, "echo", "pulled"}) == "pulled");
    const std::string digest =
        fixture.output_of({"inspect", "--format", "{{index .RepoDigests 0}}", name}); // REGISTRY/busybox@sha256:...
    REQUIRE(digest.starts_with(name + "@sha256:"));
    REQUIRE(fixture.output_of({"pull", "-q", digest}) == digest);

    // A layer on top: what is there is not sent again.
    fixture.output_of({"run", "--name", "maker", "--network", "none", name, "sh", "-c", "echo more >/more"});
    fixture.output_of({"commit", "maker", name_of(registry, "own/derived:2")});
    const std::string pushed = fixture.output_of({"push", name_of(registry, "own/derived:2")});
    REQUIRE(pushed.contains("Pushed"));
    REQUIRE((pushed.contains("Mounted from busybox") || pushed.contains("Layer already exists")));
    REQUIRE(pushed.contains("2: digest: sha256:"));
    fixture.output_of({"rm", "maker"});
    fixture.output_of({"rmi", name_of(registry, "own/derived:2")});
    const std::string again = fixture.output_of({"pull", name_of(registry, "own/derived:2")});
    REQUIRE(again.contains("Already exists"));
    REQUIRE(fixture.output_of(
                {"run", "--rm", "--network", "none", name_of(registry, "own/derived:2"), "cat", "/more"}) == "more");
    REQUIRE(fixture.docker({"pull", name_of(registry, "absent")}).errors.contains("not found"));
    REQUIRE(fixture.docker({"pull", name_of(registry, "busybox:absent")}).errors.contains("not found"));
    REQUIRE(fixture.docker({"search", server + "/busybox"}).errors.contains("does not offer a search"));

    // docker run pulls by itself.
    fixture.output_of({"rmi", name, name_of(registry, "own/derived:2")});
    REQUIRE(fixture.output_of({"run", "--rm", "--network", "none", name, "echo", "by itself"}) == "by itself");
    fixture.output_of({"logout", server});
    fixture.output_of({"rmi", name});
    REQUIRE(fixture.docker({"pull", name}).errors.contains("no basic auth credentials"));
    REQUIRE_FALSE(fixture.log().contains("secret word"));
}

TEST_CASE("a registry that wants a certificate of its clients", "[api][root]") {
    const DaemonFixture fixture;
    const OwnEtc etc(fixture);
    const Registry registry = start({.client_certificates = true});
    must(registry.push(fixture.layout("busybox")));
    OwnEtc::trust(registry, false);
    REQUIRE(fixture.docker({"pull", name_of(registry, "busybox")}).status == 1);
    OwnEtc::trust(registry);
    fixture.output_of({"pull", name_of(registry, "busybox")});
    fixture.output_of({"tag", name_of(registry, "busybox"), name_of(registry, "second")});
    fixture.output_of({"push", name_of(registry, "second")});
    fs::remove(OwnEtc::certificates(registry) / "client.key");
    REQUIRE(fixture.docker({"pull", name_of(registry, "second")}).errors.contains("client.key is missing"));
}

TEST_CASE("docker.io's images come from a mirror, after a reload", "[api][root]") {
    DaemonFixture fixture;
    const Registry mirror = must(Registry::start({}));
    must(run_checked({.arguments = {"skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false",
                                    "oci:" + fixture.layout("busybox").string() + ":latest",
                                    "docker://" + mirror.address() + "/library/busybox:latest"}}));
    fixture.reload(R"({"cgroups": "disabled", "registry-mirrors": ["http://)" + mirror.address() + R"("]})");
    REQUIRE(fixture.eventually([&] { return fixture.log().contains("applied registry-mirrors"); }));
    REQUIRE(fixture.output_of({"info", "--format", "{{.RegistryConfig.Mirrors}}"}) ==
            "[http://" + mirror.address() + "]");
    REQUIRE(fixture.output_of({"pull", "busybox"}).contains("docker.io/library/busybox:latest"));
    REQUIRE(fixture.output_of({"images", "--format", "{{.Repository}}:{{.Tag}}", "busybox"}) == "busybox:latest");
    REQUIRE(fixture.output_of({"run", "--rm", "--network", "none", "busybox", "echo", "mirrored"}) == "mirrored");
}

TEST_CASE("a registry is reached through a SOCKS proxy, which resolves its name", "[api][root]") {
    constexpr const char *kPort = "41080"; // of this machine's loopback
    const TemporaryDirectory scratch = must(TemporaryDirectory::create("/tmp", "socks-"));
    DaemonFixture fixture(std::string(R"({"cgroups": "disabled", "proxies": {"https-proxy": "socks5://127.0.0.1:)") +
                          kPort + R"("}})");
    const OwnEtc etc(fixture);
    const Registry registry = start({});
    must(registry.push(fixture.layout("busybox")));
    OwnEtc::trust(registry);
    REQUIRE(fixture.docker({"pull", name_of(registry, "busybox")}).errors.contains(kPort)); // nobody is there yet
    Child proxy = must(
        Child::start({.arguments = {"microsocks", "-i", "127.0.0.1", "-p", kPort}, .log = scratch.path() / "log"}));
    REQUIRE(
        fixture.eventually([&] { return fixture.docker({"pull", "-q", name_of(registry, "busybox")}).status == 0; }));
    REQUIRE(must(read_file(scratch.path() / "log")).contains(std::string("connected to ") + kName));
}

TEST_CASE("of an image for several platforms the machine's own is pulled, or the one that is asked for",
          "[api][root]") {
    const DaemonFixture fixture;
    const OwnEtc etc(fixture);
    const Registry registry = start({});
    must(registry.push(fixture.layout("multi-arch")));
    OwnEtc::trust(registry);
    const std::string name = name_of(registry, "multi-arch");
    fixture.output_of({"pull", name});
    REQUIRE(fixture.output_of({"inspect", "--format", "{{.Os}}/{{.Architecture}}", name}) == "linux/amd64");
    REQUIRE(fixture.output_of({"run", "--rm", "--network", "none", name, "echo", "native"}) == "native");
    fixture.output_of({"pull", "--platform", "linux/arm64", name});
    REQUIRE(fixture.output_of({"inspect", "--format", "{{.Os}}/{{.Architecture}}", name}) == "linux/arm64");
    REQUIRE(fixture.docker({"pull", "--platform", "linux/s390x", name}).errors.contains("no matching manifest"));
}

TEST_CASE("other tools read the store, and their images are taken", "[api][root]") {
    const DaemonFixture fixture;
    const fs::path busybox = fixture.layout("busybox"), zstd = fixture.layout("zstd");
    // skopeo's archives in both forms, umoci's layout.
    fixture.shell("skopeo --tmpdir /tmp --insecure-policy copy -q oci:" + busybox.string() +
                  ":latest docker-archive:d.tar:by/docker:1");
    fixture.shell("skopeo --tmpdir /tmp --insecure-policy copy -q oci:" + zstd.string() +
                  ":latest oci-archive:o.tar:by/oci:1");
    REQUIRE(fixture.output_of({"load", "-i", "d.tar"}) == "Loaded image: by/docker:1");
    REQUIRE(fixture.output_of({"load", "-i", "o.tar"}) == "Loaded image: by/oci:1");
    fixture.shell("cp -a " + busybox.string() +
                  " umoci && umoci config --image umoci:latest --tag changed "
                  "--config.cmd=/bin/echo --config.cmd=umoci && tar -C umoci -c . | docker load");
    for (const char *name : {"by/docker:1", "by/oci:1"}) {
        CAPTURE(name);
        REQUIRE(fixture.output_of({"run", "--rm", "--network", "none", name, "echo", "runs"}) == "runs");
    }
    // What others see in our store.
    const std::string store = "oci:" + fixture.path("data").string() + ":docker.io/by/docker:1";
    REQUIRE(fixture.shell("skopeo --tmpdir /tmp inspect --format '{{.Architecture}} {{len .Layers}}' " + store) ==
            "amd64 1\n");
    fixture.shell("skopeo --tmpdir /tmp --insecure-policy copy -q " + store +
                  " oci:copied:1 && umoci unpack --image copied:1 bundle "
                  "&& test -x bundle/rootfs/bin/busybox");
    // And what docker save writes.
    fixture.output_of({"save", "-o", "ours.tar", "by/oci:1"});
    REQUIRE(fixture.shell("skopeo --tmpdir /tmp inspect --format '{{.Os}}' docker-archive:ours.tar") == "linux\n");
    REQUIRE(fixture.shell("skopeo --tmpdir /tmp inspect --format '{{.Os}}' oci-archive:ours.tar") == "linux\n");
}
