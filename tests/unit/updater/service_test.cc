// SPDX-License-Identifier: Apache-2.0
// The service and its D-Bus interface, over a socket instead of a bus, on a host in memory.
#include "updater/service.h"

#include <array>
#include <atomic>
#include <condition_variable>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>

#include "tests/unit/check.h"
#include "tests/unit/updater/fake_host.h"
#include "updater/cli/commands.h"

using namespace ballast;
using namespace ballast::updater;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

// A download that lasts until the test lets it end, or it is cancelled.
class SlowHost : public FakeHost {
  public:
    Status pull(const Offer &offer, const std::function<void(const PullProgress &)> &watch,
                std::stop_token stop) override {
        TRY(FakeHost::pull(offer, watch, stop));
        std::unique_lock held(mutex_);
        changed_.wait(held, stop, [&] { return let_go_; });
        return let_go_ ? Status() : Status(fail(ECANCELED, "stopped"));
    }
    void let_go() {
        const std::lock_guard held(mutex_);
        let_go_ = true;
        changed_.notify_all();
    }

  private:
    std::mutex mutex_;
    std::condition_variable_any changed_;
    bool let_go_ = false;
};

// The service in a thread of its own, and clients of it.
class Running {
  public:
    explicit Running(FakeHost &host, UpdaterConfig config = {}, Service::Options options = {.state = {}, .idle = 1h})
        : directory_(scratch()) {
        options.state = directory_.path();
        std::array<int, 2> pair{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) == 0);
        client_.emplace(must(BusClient::on_socket(Fd(pair[1]))));
        thread_ = std::jthread([this, &host, config, options, socket = pair[0]] {
            Service service(config, host, options);
            Result<BusService> bus = BusService::on_socket(Fd(socket), service.handler());
            result_ = bus.has_value() ? service.run(*bus) : Status(std::unexpected(bus.error()));
        });
    }
    // The client's end closes, and the service ends for want of a bus.
    ~Running() { client_.reset(); }

    Result<std::string> call(const std::string &method, std::vector<BusArgument> arguments = {},
                             const BusClient::Watch &watch = {}) {
        return client_->call({.method = method, .arguments = std::move(arguments)}, watch);
    }
    json status() { return json::parse(must(call("Status"))); }
    json upgrade() { return json::parse(must(call("Upgrade", {"", false, false, false}))); }
    cli::Ask ask() {
        return [this](const BusCall &call, const BusClient::Watch &watch) { return client_->call(call, watch); };
    }
    Status wait_for_end() {
        thread_.join();
        return result_;
    }
    const std::filesystem::path &directory() const { return directory_.path(); }

  private:
    TemporaryDirectory directory_;
    std::optional<BusClient> client_;
    Status result_;
    std::jthread thread_;
};

} // namespace

TEST_CASE("the status tells what runs, what is next and when the source was asked", "[updater]") {
    FakeHost host;
    Running running(host);
    const json before = running.status();
    CHECK(before["state"] == "idle");
    CHECK(before["running"]["version"] == "1");
    CHECK(before["on-trial"] == false);
    CHECK_FALSE(before.contains("next"));
    CHECK_FALSE(before.contains("last-check"));

    const json upgraded = running.upgrade();
    CHECK(upgraded["text"] == "2 is ready: the next restart takes it");
    CHECK(upgraded["available"] == true);
    const json after = running.status();
    CHECK(after["state"] == "staged");
    CHECK(after["next"]["version"] == "2");
    CHECK(after["last-check"]["succeeded"] == true);
    CHECK(json::parse(must(running.call("History")))[0]["what"] == "staged");
}

TEST_CASE("the status sees what the boot loader says now", "[updater]") {
    FakeHost host;
    host.facts.good = "something else";
    Running running(host);
    CHECK(running.status()["state"] == "verifying");
    CHECK(running.status()["on-trial"] == true);
    host.prove();
    CHECK(running.status()["state"] == "idle");
}

TEST_CASE("what an operator changes in the configuration holds from the next call on", "[updater]") {
    FakeHost host;
    const TemporaryDirectory directory = scratch();
    ConfigFile file(directory.path() / "updater.json");
    Running running(host, {}, {.state = {}, .idle = 1h, .configuration = [&file] { return file.changed(); }});
    CHECK(running.status()["urls"].empty());
    must(write_file(directory.path() / "updater.json", R"({"urls": ["https://one.example"]})"));
    CHECK(running.status()["urls"] == json{"https://one.example"});
    must(replace_file(directory.path() / "updater.json", R"({"urls": ["https://two.example"]})"));
    CHECK(running.status()["urls"] == json{"https://two.example"});
    must(replace_file(directory.path() / "updater.json", R"({"strategy": "immediate"})"));
    CHECK(running.status()["strategy"] == "immediate");
    must(replace_file(directory.path() / "updater.json", R"({"stratgy": "immediate"})"));
    CHECK(running.status()["strategy"] == "manual");
    CHECK(running.status()["trouble"].get<std::string>().contains("unknown key \"stratgy\""));
}

TEST_CASE("methods take their arguments and answer with errors that keep their code", "[updater]") {
    FakeHost host;
    Running running(host);
    CHECK(error_of(running.call("Rollback", {false})).code == ENOENT);
    CHECK(error_of(running.call("Pin", {"7", true})).code == ENOENT);
    CHECK(must(running.call("Pin", {"1", true})).contains("1 is pinned"));
    CHECK(host.list[0].pinned);
    using Texts = std::vector<std::string>;
    must(running.call("SetKernelArguments", {Texts{"a=b", "c"}, Texts{}, Texts{"d=e"}, false}));
    CHECK(host.arguments.append == Texts{"a=b", "c"});
    CHECK(host.arguments.replace == Texts{"d=e"});
    host.available = commit('0');
    const Error older = error_of(running.call("Check", {"beta"}));
    CHECK(older.code == EPERM);
    CHECK(older.message.contains("older"));
    CHECK(host.asked == "ballast/beta/x86_64/cloud");
    host.look_error = Error{.code = EKEYREJECTED, .message = "no signature"};
    CHECK(error_of(running.call("Check", {""})).code == EKEYREJECTED);
    CHECK(error_of(running.call("NoSuchMethod")).code == EIO);
    CHECK(error_of(running.call("Pin", {true})).code == EIO); // sd-bus refuses another signature
}

TEST_CASE("the restart that was asked for happens", "[updater]") {
    FakeHost host;
    Running running(host);
    const json upgraded = json::parse(must(running.call("Upgrade", {"", false, false, true})));
    CHECK(upgraded["text"] == "2 is ready: the next restart takes it\nrestarting into 2");
    CHECK(host.reboots == 1);
    CHECK(running.status()["state"] == "staged"); // asked anew: the machine has not restarted
}

TEST_CASE("a download tells its progress to the one who waits for it", "[updater]") {
    SlowHost host;
    Running running(host);
    std::string seen;
    must(running.call(
        "Upgrade", {"", false, false, false}, [&](const std::string &version, const PullProgress &progress) {
            seen = version + " " + std::to_string(progress.bytes) + "/" + std::to_string(progress.total_bytes);
            host.let_go(); // it has been told while it went on
        }));
    CHECK(seen == "2 5/10");
}

TEST_CASE("what the configuration wants happens by itself, and the service ends when it is done", "[updater]") {
    FakeHost host;
    UpdaterConfig config;
    config.strategy = Strategy::kImmediate;
    config.urls = {"http://example"};
    Running running(host, config, {.state = {}, .idle = 0ms});
    must(running.wait_for_end());
    CHECK(host.reboots == 1);
    CHECK(load_record(running.directory()).record.state == State::kRebooting);
}

TEST_CASE("with the strategy manual nothing is asked and the service ends at once", "[updater]") {
    FakeHost host;
    Running running(host, {}, {.state = {}, .idle = 0ms});
    must(running.wait_for_end());
    CHECK(host.asked.empty());
    CHECK(load_record(running.directory()).record.state == State::kIdle);
}

TEST_CASE("what is asked in the moment in which the service ends is done and answered", "[updater]") {
    SlowHost host;
    const TemporaryDirectory directory = scratch();
    std::array<int, 2> pair{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) == 0);
    Service service({}, host, {.state = directory.path(), .idle = 0ms});
    BusService bus = must(BusService::on_socket(Fd(pair[0]), service.handler()));
    std::atomic<bool> met = false, ending = false;
    Result<std::string> answer;
    BusClient client = must(BusClient::on_socket(Fd(pair[1])));
    std::jthread asking([&] {
        met = client.call({.method = "Status"}).has_value();
        ending.wait(false);
        const auto let_go = [&](const std::string &, const PullProgress &) { host.let_go(); };
        answer = client.call({.method = "Upgrade", .arguments = {"", false, false, false}}, let_go);
    });
    const auto wait_for_bytes = [&](int milliseconds) {
        pollfd polled{.fd = bus.descriptor(), .events = POLLIN, .revents = 0};
        return ::poll(&polled, 1, milliseconds);
    };
    while (!met) { // they greet each other
        (void)wait_for_bytes(10);
        must(bus.dispatch());
    }
    ending = true;
    ending.notify_all();
    REQUIRE(wait_for_bytes(-1) == 1); // the call is there before the service ends at once
    must(service.run(bus));
    asking.join();
    CHECK(json::parse(must(answer))["text"] == "2 is ready: the next restart takes it");
}

TEST_CASE("the command's exit status says what came of it", "[updater]") {
    FakeHost host;
    Running running(host);
    CHECK(cli::upgrade(running.ask(), {.target = {}, .check = true}) == cli::kDone);
    CHECK(cli::upgrade(running.ask(), {.target = {}}) == cli::kDone);
    CHECK(cli::upgrade(running.ask(), {.target = {}, .check = true}) == cli::kNothing);
    host.available = commit('0');
    CHECK(cli::upgrade(running.ask(), {.target = {}}) == cli::kRefused);
    host.look_error = Error{.code = ETIMEDOUT, .message = "stalled"};
    CHECK(cli::upgrade(running.ask(), {.target = {}}) == cli::kFailed);
    CHECK(cli::status(running.ask(), false) == cli::kDone);
    CHECK(cli::status(running.ask(), true) == cli::kDone);
    CHECK(cli::history(running.ask(), false) == cli::kDone);
    CHECK(cli::kernel_arguments(running.ask(), {}) == cli::kDone);
    CHECK(cli::simple(running.ask(), {.method = "Pin", .arguments = {"7", true}}) == cli::kFailed);
    CHECK(cli::simple([](const auto &, const auto &) -> Result<std::string> { return fail(EBUSY, "busy"); },
                      {.method = "CleanUp"}) == cli::kBusy);
}

TEST_CASE("names of errors on the bus stand for codes in both directions", "[updater]") {
    for (const int code : {EBUSY, EPERM, ENOENT, EINVAL, ENOSPC, ECANCELED, EKEYREJECTED, ESTALE, ETIMEDOUT, EIO}) {
        CHECK(code_of_bus_error(bus_error_name(code)) == code);
    }
    CHECK(bus_error_name(EFBIG) == bus_error_name(EIO));
    CHECK(code_of_bus_error("org.freedesktop.DBus.Error.AccessDenied") == EACCES);
    CHECK(code_of_bus_error("something.else") == EIO);
}
