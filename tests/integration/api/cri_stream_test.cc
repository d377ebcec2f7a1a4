// SPDX-License-Identifier: Apache-2.0
// Streams of containers and pods as kubelet, kubectl and crictl use them: exec, attach and port-forward.
#include <arpa/inet.h>
#include <array>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "tests/integration/api/pod_fixture.h"
#include "tests/integration/api/stream_clients.h"

using namespace ballast;
using ballast::api_tests::OverSpdy;
using ballast::api_tests::OverWebSocket;
using ballast::api_tests::PodFixture;
using ballast::api_tests::spdy_headers;
using ballast::api_tests::StreamConnection;
using ballast::api_tests::websocket_headers;
using grpc::Code;
namespace cri = ::runtime::v1;

namespace {

constexpr const char *kOfKubectl =
    "v5.channel.k8s.io, v4.channel.k8s.io, v3.channel.k8s.io, v2.channel.k8s.io, channel.k8s.io";
constexpr const char *kV4 = "v4.channel.k8s.io";
constexpr const char *kForward = "portforward.k8s.io";

struct Pod : PodFixture {
    std::string id = run_pod(sandbox("web"));

    std::string start_container(const std::vector<std::string> &words, bool input = false, bool terminal = false) {
        cri::CreateContainerRequest create;
        create.set_pod_sandbox_id(id);
        create.mutable_config()->mutable_metadata()->set_name("app");
        create.mutable_config()->mutable_image()->set_image("inside");
        create.mutable_config()->mutable_args()->Add(words.begin(), words.end());
        create.mutable_config()->set_stdin(input);
        create.mutable_config()->set_stdin_once(input);
        create.mutable_config()->set_tty(terminal);
        const std::string container =
            kubelet.answer<cri::CreateContainerResponse>("RuntimeService/CreateContainer", create).container_id();
        cri::StartContainerRequest start;
        start.set_container_id(container);
        (void)kubelet.answer<cri::StartContainerResponse>("RuntimeService/StartContainer", start);
        return container;
    }
    static cri::ExecRequest request(const std::string &container, const std::vector<std::string> &words) {
        cri::ExecRequest request;
        request.set_container_id(container);
        request.mutable_cmd()->Add(words.begin(), words.end());
        request.set_stdout(true);
        request.set_stderr(true);
        return request;
    }
    static cri::ExecRequest with_terminal(cri::ExecRequest request) {
        request.set_tty(true);
        request.set_stderr(false);
        return request;
    }
    std::string url(const cri::ExecRequest &request) {
        return kubelet.answer<cri::ExecResponse>("RuntimeService/Exec", request).url();
    }
    std::string url(const cri::AttachRequest &request) {
        return kubelet.answer<cri::AttachResponse>("RuntimeService/Attach", request).url();
    }
    std::string forward_url(const std::vector<int> &ports) {
        cri::PortForwardRequest request;
        request.set_pod_sandbox_id(id);
        request.mutable_port()->Add(ports.begin(), ports.end());
        return kubelet.answer<cri::PortForwardResponse>("RuntimeService/PortForward", request).url();
    }
    // Whether a program of that container's image runs with this word.
    bool runs(const std::string &container, const std::string &word) const {
        return docker({"top", container, "-o", "pid,args"}).output.contains(word);
    }
};

// A program on a port of the pod's loopback device: it says what it has heard, and its end once it has heard that.
class Echo {
  public:
    Echo(const Pod &pod, int family, std::uint16_t port) {
        std::thread([&] { // in the pod's network
            const Fd network = must(open_file(pod.path("run/pods") / pod.id, O_RDONLY));
            REQUIRE(setns(network.get(), CLONE_NEWNET) == 0);
            listener_ = Fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
            sockaddr_in v4{
                .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
            sockaddr_in6 v6{.sin6_family = AF_INET6,
                            .sin6_port = htons(port),
                            .sin6_flowinfo = 0,
                            .sin6_addr = IN6ADDR_LOOPBACK_INIT,
                            .sin6_scope_id = 0};
            const bool is_v4 = family == AF_INET;
            const auto *address =
                is_v4 ? reinterpret_cast<const sockaddr *>(&v4) : reinterpret_cast<const sockaddr *>(&v6);
            REQUIRE(::bind(listener_.get(), address, is_v4 ? sizeof v4 : sizeof v6) == 0);
            REQUIRE(::listen(listener_.get(), 4) == 0);
        })
            .join();
        server_ = std::jthread([this] {
            while (true) {
                const Fd client(::accept(listener_.get(), nullptr, nullptr));
                if (!client.is_open()) {
                    return; // shut down
                }
                std::array<char, 4096> bytes{};
                for (ssize_t got = 0; (got = ::read(client.get(), bytes.data(), bytes.size())) > 0;) {
                    (void)write_all(client, std::string_view(bytes.data(), static_cast<std::size_t>(got)));
                }
            }
        });
    }
    ~Echo() { (void)::shutdown(listener_.get(), SHUT_RDWR); }
    Echo(const Echo &) = delete;
    Echo &operator=(const Echo &) = delete;

  private:
    Fd listener_;
    std::jthread server_;
};

} // namespace

TEST_CASE("a command's streams and its exit code go over WebSocket", "[api][cri][root]") {
    Pod pod;
    const std::string container = pod.start_container({"wait"});
    const std::string url = pod.url(Pod::request(container, {"/inside", "echo", "out", "err"}));
    OverWebSocket client(url, kOfKubectl);
    client.read_all();
    CHECK(client.said[1] == "out\n");
    CHECK(client.said[2] == "err\n");
    CHECK(client.said[3] == R"({"metadata":{},"status":"Success"})");
    // Its URL is good for one connection.
    CHECK(StreamConnection(url, websocket_headers(kV4)).head.starts_with("HTTP/1.1 404"));

    OverWebSocket failing(pod.url(Pod::request(container, {"/inside", "exit", "7"})), kV4);
    failing.read_all();
    CHECK(failing.said[3].contains("NonZeroExitCode"));
    CHECK(failing.said[3].contains(R"("message":"7")"));

    OverWebSocket missing(pod.url(Pod::request(container, {"/nothing"})), kV4);
    missing.read_all();
    CHECK(missing.said[3].contains("/nothing"));

    OverWebSocket text(pod.url(Pod::request(container, {"/inside", "echo", "out"})), "v4.base64.channel.k8s.io");
    text.read_all();
    CHECK(text.messages.contains("1b3V0Cg=="));
    OverWebSocket unnamed(pod.url(Pod::request(container, {"/inside", "exit", "7"})), "");
    unnamed.read_all();
    CHECK(unnamed.said[3] == "command terminated with non-zero exit code: exit status 7");
}

TEST_CASE("a command has a terminal of the client's size", "[api][cri][root]") {
    Pod pod;
    const std::string container = pod.start_container({"wait"});
    const std::string url = pod.url(Pod::with_terminal(Pod::request(container, {"/inside", "size", "25"})));
    OverSpdy client(url, kV4);
    client.open("error");
    client.open("stdout");
    client.open("resize");
    client.spdy.write(client.streams["resize"], "{\"Width\":100,\"Height\":40}\n");
    client.flush();
    client.read_until([&] { return client.of("stdout").contains("40 100"); });
    client.spdy.write(client.streams["resize"], "{\"Width\":81,\"Height\":25}\n"); // the program hears of it
    client.flush();
    client.read_all();
    CHECK(client.of("stdout") == "40 100\r\n25 81\r\n"); // its first look already
    CHECK(client.of("error").contains("Success"));
}

TEST_CASE("a command reads what comes over SPDY, to its end", "[api][cri][root]") {
    Pod pod;
    cri::ExecRequest request = Pod::request(pod.start_container({"wait"}), {"/inside", "cat"});
    request.set_stdin(true);
    OverSpdy client(pod.url(request), kV4);
    for (const char *type : {"error", "stdin", "stdout", "stderr"}) {
        client.open(type);
    }
    const std::string much(4UL << 20, 'x');
    client.spdy.write(client.streams["stdin"], much);
    client.spdy.end(client.streams["stdin"]);
    const std::jthread sender(
        [&client, bytes = client.spdy.take_output()] { (void)write_all(client.connection.socket, bytes); });
    client.read_all();
    CHECK(client.of("stdout") == much);
    CHECK(client.of("error").contains("Success"));
}

TEST_CASE("nothing is run for a client that goes before it has opened its streams", "[api][cri][root]") {
    Pod pod;
    const std::string container = pod.start_container({"wait"});
    {
        OverSpdy client(pod.url(Pod::request(container, {"/inside", "write", "/ran", "x"})), kV4);
        client.open("error");
        client.open("stdout");
        client.flush();
    }
    OverWebSocket other(pod.url(Pod::request(container, {"/inside", "cat", "/ran"})), kV4);
    other.read_all();
    CHECK(other.said[3].contains("NonZeroExitCode"));
}

TEST_CASE("a command whose client is gone reads the end of its input", "[api][cri][root]") {
    Pod pod;
    const std::string container = pod.start_container({"wait"});
    {
        cri::ExecRequest request = Pod::request(container, {"/inside", "cat"});
        request.set_stdin(true);
        OverWebSocket client(pod.url(request), kV4);
        client.send(0, "hello");
        client.read_until([&] { return client.said[1] == "hello"; });
        CHECK(pod.runs(container, "inside cat"));
    }
    CHECK(Pod::eventually([&] { return !pod.runs(container, "inside cat"); }));
}

TEST_CASE("who attaches to a container has its streams", "[api][cri][root]") {
    Pod pod;
    const std::string container = pod.start_container({"cat"}, true);
    cri::AttachRequest request;
    request.set_container_id(container);
    request.set_stdin(true);
    request.set_stdout(true);
    const std::string late = pod.url(request);
    OverWebSocket client(pod.url(request), kOfKubectl);
    client.send(0, "hello");
    client.read_until([&] { return client.said[1] == "hello"; });
    CHECK(client.said[1] == "hello");
    client.send(static_cast<char>(255), std::string(1, '\0')); // the end of the input
    client.read_all();
    CHECK(client.said[3].contains("Success"));
    request.set_tty(true);
    CHECK_FALSE(pod.kubelet.ask<cri::AttachResponse>("RuntimeService/Attach", request).outcome.ok());
    CHECK(
        Pod::eventually([&] { return pod.output_of({"inspect", "-f", "{{.State.Status}}", container}) == "exited"; }));
    OverWebSocket too_late(late, kV4);
    too_late.read_all();
    CAPTURE(too_late.said[3]);
    CHECK(too_late.said[3].contains("not running"));
}

TEST_CASE("ports of a pod are reached over SPDY", "[api][cri][root]") {
    Pod pod;
    const Echo v4(pod, AF_INET, 8080);
    const Echo v6(pod, AF_INET6, 8081);
    OverSpdy client(pod.forward_url({8080}), kForward);
    for (const char *port : {"8080", "8081"}) {
        CAPTURE(port);
        client.ended = 0;
        client.open_port(port, port);
        const std::string much(1UL << 20, 'x');
        client.spdy.write(client.streams["data"], much);
        client.spdy.end(client.streams["data"]);
        const std::jthread sender(
            [&client, bytes = client.spdy.take_output()] { (void)write_all(client.connection.socket, bytes); });
        client.read_until([&] { return client.ended == 2; });
        CHECK(client.of("data") == much);
        CHECK(client.of("error").empty());
    }
    // Where nobody listens the client hears why.
    client.open_port("8082", "3");
    client.flush();
    client.read_until([&] { return client.of("error").contains("8082"); });
    CHECK(client.of("error") == "port 8082 of the pod: Connection refused");

    const std::string url = pod.forward_url({});
    pod.stop_sandbox(pod.id);
    OverSpdy late(url, kForward);
    late.open_port("8080", "1");
    late.flush();
    late.read_until([&] { return late.of("error").contains("8080"); });
    CHECK(late.of("error").contains("8080"));
    cri::PortForwardRequest request;
    request.set_pod_sandbox_id(pod.id);
    CHECK_FALSE(pod.kubelet.ask<cri::PortForwardResponse>("RuntimeService/PortForward", request).outcome.ok());
}

TEST_CASE("ports of a pod are reached over WebSocket, by its channels and by a tunnel", "[api][cri][root]") {
    Pod pod;
    const Echo echo(pod, AF_INET, 8080);
    {
        OverWebSocket channels(pod.forward_url({8080, 8082}), kV4);
        channels.send(0, "hello");
        channels.read_until([&] { return channels.said[0].contains("hello") && channels.said[3].contains("8082"); });
        CHECK(channels.said[0] == "\x90\x1fhello");
        CHECK(channels.said[3] == "\x92\x1fport 8082 of the pod: Connection refused");
    }
    struct Inside : stream::Spdy::Events {
        std::map<stream::Spdy::Stream, std::string> said;
        void on_stream(stream::Spdy::Stream, const stream::Fields &, bool) override {}
        void on_accepted(stream::Spdy::Stream, const stream::Fields &) override {}
        void on_data(stream::Spdy::Stream stream, std::string_view bytes) override { said[stream] += bytes; }
        void on_end(stream::Spdy::Stream) override {}
        void on_reset(stream::Spdy::Stream, std::uint32_t) override {}
        void on_go_away() override {}
    } inside;
    stream::Spdy spdy = must(stream::Spdy::make(stream::Spdy::Side::kClient, inside));
    OverWebSocket tunnel(pod.forward_url({}), "SPDY/3.1+portforward.k8s.io");
    (void)spdy.open({{"streamtype", "error"}, {"port", "8080"}, {"requestid", "0"}});
    const stream::Spdy::Stream data = spdy.open({{"streamtype", "data"}, {"port", "8080"}, {"requestid", "0"}});
    spdy.write(data, "hello");
    tunnel.send(spdy.take_output());
    tunnel.read_until([&] {
        must(spdy.feed(std::exchange(tunnel.messages, {})));
        return inside.said[data] == "hello";
    });
    CHECK(inside.said[data] == "hello");
    // Channels are for ports that were named.
    CHECK(StreamConnection(pod.forward_url({}), websocket_headers(kV4)).head.starts_with("HTTP/1.1 400"));
}

TEST_CASE("a client hears that the engine stops, and its program goes on", "[api][cri][root]") {
    Pod pod;
    const std::string container = pod.start_container({"wait"});
    OverWebSocket client(pod.url(Pod::request(container, {"/inside", "count", "0"})), kV4);
    client.read_until([&] { return client.said[1].contains("1\n"); });
    pod.stop();
    client.read_all();
    CHECK(client.said[3].contains("the engine stops"));
    pod.start();
    CHECK(pod.runs(container, "inside count 0"));

    OverWebSocket cut(pod.url(Pod::request(container, {"/inside", "count", "0"})), kV4);
    cut.read_until([&] { return cut.said[1].contains("1\n"); });
    pod.kill();
    cut.read_all();
    CHECK_FALSE(cut.closed); // nobody is there to say how it ended: to clients the connection is broken
    CHECK(cut.said[3].empty());
    pod.start();
    OverWebSocket next(pod.url(Pod::request(container, {"/inside", "echo", "out"})), kV4);
    next.read_all();
    CHECK(next.said[1] == "out\n");
}

TEST_CASE("streams that nobody can carry are refused", "[api][cri][root]") {
    Pod pod;
    const std::string container = pod.start_container({"wait"});
    const auto code = [&](const std::function<void(cri::ExecRequest &)> &spoil) {
        cri::ExecRequest request = Pod::request(container, {"/inside"});
        spoil(request);
        return pod.kubelet.ask<cri::ExecResponse>("RuntimeService/Exec", request).outcome.code;
    };
    CHECK(code([](auto &request) { request.set_tty(true); }) == Code::kInvalidArgument); // and stderr
    CHECK(code([](auto &request) { request.clear_cmd(); }) == Code::kInvalidArgument);
    CHECK(code([](auto &request) {
              request.set_stdout(false);
              request.set_stderr(false);
          }) == Code::kInvalidArgument);
    CHECK(code([](auto &request) { request.set_container_id("nothing"); }) == Code::kNotFound);
    CHECK(code([](auto &request) { request.clear_container_id(); }) == Code::kInvalidArgument);
    cri::PortForwardRequest forward;
    forward.set_pod_sandbox_id(pod.id);
    forward.add_port(70000);
    CHECK(pod.kubelet.ask<cri::PortForwardResponse>("RuntimeService/PortForward", forward).outcome.code ==
          Code::kInvalidArgument);

    const auto answer = [&](const std::string &headers) {
        return StreamConnection(pod.url(Pod::request(container, {"/inside"})), headers).head.substr(0, 12);
    };
    CHECK(answer("") == "HTTP/1.1 400");
    CHECK(answer(spdy_headers("v9.channel.k8s.io")) == "HTTP/1.1 400");
    CHECK(answer(websocket_headers("v9.channel.k8s.io")) == "HTTP/1.1 400");
    CHECK(answer("Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: no key\r\n") == "HTTP/1.1 400");
    const std::string url = pod.url(Pod::request(container, {"/inside"}));
    CHECK(StreamConnection(url.substr(0, url.rfind('/')) + "/0000", websocket_headers(kV4))
              .head.starts_with("HTTP/1.1 404"));
}
