// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/systemd_scope.h"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "tests/unit/check.h"

// ballast-oci-scope talks to a stand-in for systemd: a D-Bus server that writes down what it is asked and answers as it
// is told. The real one is in the machine tests.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers" // what a test does not name is not given

namespace ballast::isolate {
namespace {

// How the stand-in answers.
struct Manners {
    std::string job_result = "done";
    std::string start_error;        // of the first StartTransientUnit: the name of a D-Bus error
    bool start_error_stays = false; // and of every further one
    std::string stop_error;
};

class FakeSystemd {
  public:
    explicit FakeSystemd(Manners manners) : manners_(std::move(manners)) {
        const std::string path = place_.path() / "bus";
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        listener_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        REQUIRE(::bind(listener_.get(), reinterpret_cast<sockaddr *>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener_.get(), 1) == 0);
        REQUIRE(::setenv("DBUS_SYSTEM_BUS_ADDRESS", ("unix:path=" + path).c_str(), 1) == 0);
        server_ = ::fork();
        if (server_ == 0) {
            serve();
            ::_exit(0);
        }
    }
    FakeSystemd(const FakeSystemd &) = delete;
    FakeSystemd &operator=(const FakeSystemd &) = delete;
    ~FakeSystemd() {
        ::kill(server_, SIGKILL);
        ::waitpid(server_, nullptr, 0);
    }
    // What it was asked, a line a call: "StopUnit x.scope replace".
    std::string calls() const {
        Result<std::string> text = read_file(place_.path() / "calls");
        return text.has_value() ? *text : "";
    }

  private:
    void serve() {
        while (true) {
            const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
            sd_bus *bus = nullptr;
            sd_id128_t id = SD_ID128_MAKE(01, 02, 03, 04, 05, 06, 07, 08, 09, 0a, 0b, 0c, 0d, 0e, 0f, 10);
            if (fd < 0 || sd_bus_new(&bus) < 0 || sd_bus_set_fd(bus, fd, fd) < 0 || sd_bus_set_server(bus, 1, id) < 0 ||
                sd_bus_start(bus) < 0) {
                return;
            }
            sd_bus_add_filter(
                bus, nullptr,
                [](sd_bus_message *message, void *self, sd_bus_error *) {
                    return static_cast<FakeSystemd *>(self)->answer(message);
                },
                this);
            int result = 0;
            while ((result = sd_bus_process(bus, nullptr)) >= 0) {
                if (result == 0 && sd_bus_wait(bus, UINT64_MAX) < 0) {
                    break;
                }
            }
            sd_bus_unref(bus);
        }
    }

    int answer(sd_bus_message *message) {
        const char *member = sd_bus_message_get_member(message);
        if (sd_bus_message_is_method_call(message, nullptr, nullptr) <= 0 || member == nullptr) {
            return 0;
        }
        const std::string method = member;
        if (method == "Hello") {
            return sd_bus_reply_method_return(message, "s", ":1.1");
        }
        if (method == "AddMatch" || method == "RemoveMatch") {
            return sd_bus_reply_method_return(message, nullptr);
        }
        note(method + words(message));
        if (method == "StartTransientUnit" && !manners_.start_error.empty()) {
            const std::string name = manners_.start_error;
            if (!manners_.start_error_stays) {
                manners_.start_error.clear();
            }
            return refuse(message, name);
        }
        if (method == "StopUnit" && !manners_.stop_error.empty()) {
            return refuse(message, manners_.stop_error);
        }
        if (method == "StartTransientUnit" || method == "StopUnit") {
            // The end of another job, and of this one even before it has a name: both happen.
            removed(message, "/org/freedesktop/systemd1/job/1", "failed");
            removed(message, "/org/freedesktop/systemd1/job/7", manners_.job_result.c_str());
            return sd_bus_reply_method_return(message, "o", "/org/freedesktop/systemd1/job/7");
        }
        return sd_bus_reply_method_return(message, nullptr);
    }

    static int refuse(sd_bus_message *message, const std::string &name) {
        return sd_bus_reply_method_errorf(message, name.c_str(), "No, %s.", name.c_str());
    }

    static void removed(sd_bus_message *message, const char *job, const char *result) {
        sd_bus_message *signal = nullptr;
        sd_bus_message_new_signal(sd_bus_message_get_bus(message), &signal, "/org/freedesktop/systemd1",
                                  "org.freedesktop.systemd1.Manager", "JobRemoved");
        sd_bus_message_set_sender(signal, ":1.2"); // as the bus does
        sd_bus_message_append(signal, "uoss", 7U, job, "x.scope", result);
        sd_bus_send(nullptr, signal, nullptr);
        sd_bus_message_unref(signal);
    }

    // All basic values of a message, a space before each.
    static std::string words(sd_bus_message *message) {
        std::string text;
        char type = 0;
        const char *contents = nullptr;
        while (sd_bus_message_peek_type(message, &type, &contents) > 0) {
            if (contents != nullptr) {
                text += type == 'v' ? " " + std::string(contents) + ":" : "";
                sd_bus_message_enter_container(message, type, contents);
                text += words(message);
                sd_bus_message_exit_container(message);
                continue;
            }
            union {
                const char *string;
                std::uint64_t wide;
                std::uint32_t narrow;
                std::uint8_t byte;
                int number;
            } value{};
            sd_bus_message_read_basic(message, type, &value);
            text += " ";
            text += type == 's' || type == 'o'   ? std::string(value.string)
                    : type == 't'                ? std::to_string(value.wide)
                    : type == 'y'                ? std::to_string(value.byte)
                    : type == 'b' || type == 'i' ? std::to_string(value.number)
                                                 : std::to_string(value.narrow);
        }
        return text;
    }

    void note(const std::string &line) const {
        const Fd file(::open((place_.path() / "calls").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
        (void)write_all(file, line + "\n");
    }

    TemporaryDirectory place_ = scratch();
    Manners manners_;
    Fd listener_;
    pid_t server_ = -1;
};

const SystemdScope &scope() {
    static const SystemdScope one("x.scope", false, BALLAST_SCOPE_PROGRAM);
    return one;
}

} // namespace

TEST_CASE("a scope is started with properties of every type", "[root]") {
    const FakeSystemd systemd({});
    must(scope().start({{.name = "Description", .type = "s", .words = {"a b"}},
                        {.name = "PIDs", .type = "au", .words = {"12", "13"}},
                        {.name = "Delegate", .type = "b", .words = {"true"}},
                        {.name = "MemoryMax", .type = "t", .words = {"18446744073709551615"}},
                        {.name = "KillSignal", .type = "i", .words = {"37"}},
                        {.name = "ManagedOOMMemoryPressureLimit", .type = "u", .words = {"4294967295"}},
                        {.name = "AllowedCPUs", .type = "ay", .words = {"7", "255"}},
                        {.name = "After", .type = "as", .words = {"a.service", "b.service"}}}));
    CHECK(systemd.calls() == "StartTransientUnit x.scope fail Description s: a b PIDs au: 12 13 Delegate b: 1 "
                             "MemoryMax t: 18446744073709551615 KillSignal i: 37 "
                             "ManagedOOMMemoryPressureLimit u: 4294967295 AllowedCPUs ay: 7 255 "
                             "After as: a.service b.service\n");
}

TEST_CASE("a leftover scope that failed is cleared away", "[root]") {
    const FakeSystemd systemd({.start_error = "org.freedesktop.systemd1.UnitExists"});
    must(scope().start({}));
    CHECK(systemd.calls() == "StartTransientUnit x.scope fail\nResetFailedUnit x.scope\nStartTransientUnit x.scope "
                             "fail\n");
}

TEST_CASE("a scope that runs is not taken", "[root]") {
    const FakeSystemd systemd({.start_error = "org.freedesktop.systemd1.UnitExists", .start_error_stays = true});
    const Error error = error_of(scope().start({}));
    CHECK(error.code == EEXIST);
    CHECK(error.message == "systemd: start x.scope: StartTransientUnit: No, org.freedesktop.systemd1.UnitExists.");
}

TEST_CASE("what systemd refuses, and a job that fails, are errors in its words", "[root]") {
    {
        const FakeSystemd systemd({.start_error = "org.freedesktop.DBus.Error.AccessDenied"});
        CHECK(error_of(scope().start({})).message.contains("No, org.freedesktop.DBus.Error.AccessDenied."));
    }
    const FakeSystemd systemd({.job_result = "timeout"});
    CHECK(error_of(scope().start({})).message == R"(systemd: start x.scope: the job ended with "timeout")");
}

TEST_CASE("limits of a running scope are set until the next boot", "[root]") {
    const FakeSystemd systemd({});
    must(scope().set({{.name = "TasksMax", .type = "t", .words = {"5"}}}));
    must(scope().set({})); // nothing to say
    CHECK(systemd.calls() == "SetUnitProperties x.scope 1 TasksMax t: 5\n");
}

TEST_CASE("a scope is stopped and forgotten; one that is gone is fine", "[root]") {
    {
        const FakeSystemd systemd({});
        must(scope().stop());
        CHECK(systemd.calls() == "StopUnit x.scope replace\nResetFailedUnit x.scope\n");
    }
    const FakeSystemd systemd({.stop_error = "org.freedesktop.systemd1.NoSuchUnit"});
    must(scope().stop());
}

TEST_CASE("without systemd, or without the program that talks to it, the error says so", "[root]") {
    REQUIRE(::setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1) == 0);
    CHECK(error_of(scope().start({})).message.contains("connect to the system bus: No such file or directory"));
    const SystemdScope without("x.scope", false, "/nonexistent/program");
    CHECK(error_of(without.stop()).message == "systemd: stop x.scope: /nonexistent/program: No such file or directory");
}

} // namespace ballast::isolate
