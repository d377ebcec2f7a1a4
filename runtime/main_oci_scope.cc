// SPDX-License-Identifier: Apache-2.0
// ballast-oci-scope VERB UNIT --system|--user: what ballast-oci has to say to systemd
// (runtime/isolate/unit_property.h).
//
//   start  StartTransientUnit with the properties that come on stdin; waits for the job
//   set    SetUnitProperties with them, until the next boot
//   stop   StopUnit, waits for the job; then ResetFailed; a unit that is not there is fine
//
// Exit code 0; 3 when the unit is there already; 1 otherwise, with one line on stderr; 2 for a call that is wrong.
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/result.h"
#include "runtime/isolate/unit_property.h"

namespace ballast {
namespace {

using isolate::UnitProperty;
using Clock = std::chrono::steady_clock;

constexpr const char *kService = "org.freedesktop.systemd1";
constexpr const char *kObject = "/org/freedesktop/systemd1";
constexpr const char *kManager = "org.freedesktop.systemd1.Manager";
constexpr const char *kNoSuchUnit = "org.freedesktop.systemd1.NoSuchUnit";
constexpr const char *kUnitExists = "org.freedesktop.systemd1.UnitExists";
constexpr std::chrono::seconds kPatience{30}; // as long as runc waits
constexpr int kExitFailed = 1, kExitUsage = 2, kExitExists = 3;

using Bus = std::unique_ptr<sd_bus, decltype(&sd_bus_flush_close_unref)>;
using Message = std::unique_ptr<sd_bus_message, decltype(&sd_bus_message_unref)>;

std::unexpected<Error> bus_failed(const char *what, int result) { return fail_errno(what, -result); }

struct BusError {
    sd_bus_error error = SD_BUS_ERROR_NULL;
    BusError() = default;
    BusError(const BusError &) = delete;
    BusError &operator=(const BusError &) = delete;
    ~BusError() { sd_bus_error_free(&error); }
    bool is(const char *name) const { return sd_bus_error_has_name(&error, name) > 0; }
    std::unexpected<Error> failed(const char *what, int result) const {
        const int code = is(kUnitExists) ? EEXIST : -result;
        return fail(code, std::string(what) + ": " +
                              (error.message != nullptr ? std::string(error.message) : std::strerror(-result)));
    }
};

// The end of a job that systemd does for us.
struct Job {
    std::string path;   // empty until the call has answered: signals of others are not looked at
    std::string result; // "done", "failed", "timeout", ...; empty while it runs
};

int job_removed(sd_bus_message *message, void *data, sd_bus_error *) {
    Job &job = *static_cast<Job *>(data);
    std::uint32_t number = 0;
    const char *path = nullptr, *unit = nullptr, *result = nullptr;
    const int read = sd_bus_message_read(message, "uoss", &number, &path, &unit, &result);
    if (read >= 0 && job.path == path) {
        job.result = result;
    }
    return read < 0 ? read : 0;
}

template <typename Number>
Result<Number> number_of(const UnitProperty &property, const std::string &word) {
    Number number{};
    const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc() || stop != word.data() + word.size()) {
        return fail(EINVAL, property.name + ": not a number of type " + property.type + ": " + word);
    }
    return number;
}

template <typename Number>
int append_numbers(sd_bus_message *message, const char *type, const std::vector<Number> &numbers) {
    return sd_bus_message_append_array(message, type[1], numbers.data(), numbers.size() * sizeof(Number));
}

template <typename Number>
Result<std::vector<Number>> numbers_of(const UnitProperty &property) {
    std::vector<Number> numbers;
    for (const std::string &word : property.words) {
        numbers.push_back(TRY(number_of<Number>(property, word)));
    }
    return numbers;
}

Result<int> append_value(sd_bus_message *message, const UnitProperty &property) {
    const std::string &type = property.type;
    if (type == "b") {
        return sd_bus_message_append(message, "b", property.words[0] == "true" ? 1 : 0);
    }
    if (type == "s") {
        return sd_bus_message_append(message, "s", property.words[0].c_str());
    }
    if (type == "i") {
        return sd_bus_message_append(message, "i", TRY(number_of<std::int32_t>(property, property.words[0])));
    }
    if (type == "u") {
        return sd_bus_message_append(message, "u", TRY(number_of<std::uint32_t>(property, property.words[0])));
    }
    if (type == "t") {
        return sd_bus_message_append(message, "t", TRY(number_of<std::uint64_t>(property, property.words[0])));
    }
    if (type == "au") {
        return append_numbers(message, "au", TRY(numbers_of<std::uint32_t>(property)));
    }
    if (type == "ay") {
        return append_numbers(message, "ay", TRY(numbers_of<std::uint8_t>(property)));
    }
    int result = sd_bus_message_open_container(message, SD_BUS_TYPE_ARRAY, "s");
    for (const std::string &word : property.words) {
        result = result < 0 ? result : sd_bus_message_append(message, "s", word.c_str());
    }
    return result < 0 ? result : sd_bus_message_close_container(message);
}

Status append_property(sd_bus_message *message, const UnitProperty &property) {
    int result = sd_bus_message_open_container(message, SD_BUS_TYPE_STRUCT, "sv");
    result = result < 0 ? result : sd_bus_message_append(message, "s", property.name.c_str());
    result = result < 0 ? result : sd_bus_message_open_container(message, SD_BUS_TYPE_VARIANT, property.type.c_str());
    result = result < 0 ? result : TRY(append_value(message, property));
    result = result < 0 ? result : sd_bus_message_close_container(message);
    result = result < 0 ? result : sd_bus_message_close_container(message);
    if (result < 0) {
        return bus_failed(property.name.c_str(), result);
    }
    return {};
}

Status append_properties(sd_bus_message *message, const std::vector<UnitProperty> &properties) {
    if (const int result = sd_bus_message_open_container(message, SD_BUS_TYPE_ARRAY, "(sv)"); result < 0) {
        return bus_failed("properties", result);
    }
    for (const UnitProperty &property : properties) {
        TRY(append_property(message, property));
    }
    if (const int result = sd_bus_message_close_container(message); result < 0) {
        return bus_failed("properties", result);
    }
    return {};
}

class Systemd {
  public:
    static Result<Systemd> connect(bool user) {
        sd_bus *bus = nullptr;
        const int result = user ? sd_bus_open_user(&bus) : sd_bus_open_system(&bus);
        if (result < 0) {
            return bus_failed(user ? "connect to the user's bus" : "connect to the system bus", result);
        }
        return Systemd(bus);
    }

    Status start(const std::string &unit, const std::vector<UnitProperty> &properties) {
        TRY(watch_jobs());
        Status started = start_once(unit, properties);
        if (!started.has_value() && started.error().code == EEXIST) {
            // A scope that failed stays until it is reset; one that runs stays all the same, and then this fails, too.
            TRY(reset_failed(unit));
            started = start_once(unit, properties);
        }
        TRY(started);
        return wait_for_job();
    }

    Status set(const std::string &unit, const std::vector<UnitProperty> &properties) {
        Message message = TRY(new_call("SetUnitProperties"));
        if (const int result = sd_bus_message_append(message.get(), "sb", unit.c_str(), 1); result < 0) {
            return bus_failed("SetUnitProperties", result);
        }
        TRY(append_properties(message.get(), properties));
        BusError error;
        const int result = sd_bus_call(bus_.get(), message.get(), 0, &error.error, nullptr);
        return result < 0 ? error.failed("SetUnitProperties", result) : Status{};
    }

    Status stop(const std::string &unit) {
        TRY(watch_jobs());
        BusError error;
        sd_bus_message *answer = nullptr;
        const int result = sd_bus_call_method(bus_.get(), kService, kObject, kManager, "StopUnit", &error.error,
                                              &answer, "ss", unit.c_str(), "replace");
        Message owned(answer, &sd_bus_message_unref);
        if (result < 0) {
            return error.is(kNoSuchUnit) ? Status{} : error.failed("StopUnit", result);
        }
        TRY(read_job(answer));
        TRY(wait_for_job());
        return reset_failed(unit);
    }

  private:
    explicit Systemd(sd_bus *bus) : bus_(bus, &sd_bus_flush_close_unref) {}

    Result<Message> new_call(const char *method) {
        sd_bus_message *message = nullptr;
        const int result = sd_bus_message_new_method_call(bus_.get(), &message, kService, kObject, kManager, method);
        if (result < 0) {
            return bus_failed(method, result);
        }
        return Message(message, &sd_bus_message_unref);
    }

    // Before the call: its end may come before its answer is looked at. The job outlives this object's moves.
    Status watch_jobs() {
        const int result = sd_bus_match_signal(bus_.get(), nullptr, kService, kObject, kManager, "JobRemoved",
                                               &job_removed, job_.get());
        return result < 0 ? bus_failed("listen for jobs", result) : Status{};
    }

    Status start_once(const std::string &unit, const std::vector<UnitProperty> &properties) {
        Message message = TRY(new_call("StartTransientUnit"));
        if (const int result = sd_bus_message_append(message.get(), "ss", unit.c_str(), "fail"); result < 0) {
            return bus_failed("StartTransientUnit", result);
        }
        TRY(append_properties(message.get(), properties));
        if (const int result = sd_bus_message_append(message.get(), "a(sa(sv))", 0); result < 0) {
            return bus_failed("StartTransientUnit", result);
        }
        BusError error;
        sd_bus_message *answer = nullptr;
        const int result = sd_bus_call(bus_.get(), message.get(), 0, &error.error, &answer);
        Message owned(answer, &sd_bus_message_unref);
        if (result < 0) {
            return error.failed("StartTransientUnit", result);
        }
        return read_job(answer);
    }

    Status reset_failed(const std::string &unit) {
        BusError error;
        const int result = sd_bus_call_method(bus_.get(), kService, kObject, kManager, "ResetFailedUnit", &error.error,
                                              nullptr, "s", unit.c_str());
        return result < 0 && !error.is(kNoSuchUnit) ? error.failed("ResetFailedUnit", result) : Status{};
    }

    Status read_job(sd_bus_message *answer) {
        const char *path = nullptr;
        if (const int result = sd_bus_message_read(answer, "o", &path); result < 0) {
            return bus_failed("the job's name", result);
        }
        job_->path = path;
        return {};
    }

    Status wait_for_job() {
        const Clock::time_point deadline = Clock::now() + kPatience;
        while (job_->result.empty()) {
            int result = sd_bus_process(bus_.get(), nullptr);
            if (result < 0) {
                return bus_failed("talk to systemd", result);
            }
            if (result > 0) {
                continue;
            }
            const auto left = std::chrono::duration_cast<std::chrono::microseconds>(deadline - Clock::now());
            if (left.count() <= 0) {
                return fail(ETIMEDOUT, "the job is not done after " + std::to_string(kPatience.count()) + " s");
            }
            result = sd_bus_wait(bus_.get(), static_cast<std::uint64_t>(left.count()));
            if (result < 0 && result != -EINTR) {
                return bus_failed("wait for systemd", result);
            }
        }
        return job_->result == "done" ? Status{} : fail(EIO, "the job ended with \"" + job_->result + "\"");
    }

    Bus bus_;
    std::unique_ptr<Job> job_ = std::make_unique<Job>();
};

Status run(const std::string &verb, const std::string &unit, bool user) {
    const std::string request = TRY(read_all(BorrowedFd(STDIN_FILENO), "stdin", isolate::kLargestRequest));
    const std::vector<UnitProperty> properties = TRY(isolate::decode(request));
    Systemd systemd = TRY(Systemd::connect(user));
    if (verb == "start") {
        return systemd.start(unit, properties);
    }
    return verb == "set" ? systemd.set(unit, properties) : systemd.stop(unit);
}

} // namespace
} // namespace ballast

int main(int argc, char **argv) {
    using namespace ballast;
    const std::vector<std::string> words(argv, argv + argc);
    if (words.size() != 4 || (words[1] != "start" && words[1] != "set" && words[1] != "stop") ||
        !isolate::is_scope_name(words[2]) || (words[3] != "--system" && words[3] != "--user")) {
        std::fputs("usage: ballast-oci-scope start|set|stop NAME.scope --system|--user <PROPERTIES\n", stderr);
        return kExitUsage;
    }
    const Status done = run(words[1], words[2], words[3] == "--user");
    if (!done.has_value()) {
        std::fputs((done.error().message + "\n").c_str(), stderr);
        return done.error().code == EEXIST ? kExitExists : kExitFailed;
    }
    return 0;
}
