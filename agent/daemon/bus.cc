// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/bus.h"

#include <algorithm>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <format>
#include <memory>
#include <systemd/sd-bus.h>
#include <thread>
#include <utility>

#include "base/file_io.h"

namespace ballast::agent::bus {
namespace {

// Somebody's object and interface on the bus.
struct Peer {
    const char *name, *service, *object, *interface;
};
constexpr Peer kSystemd = {"systemd", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                           "org.freedesktop.systemd1.Manager"};
constexpr Peer kLogind = {"logind", "org.freedesktop.login1", "/org/freedesktop/login1",
                          "org.freedesktop.login1.Manager"};

struct Free {
    void operator()(sd_bus *bus) const { (void)sd_bus_flush_close_unref(bus); }
    void operator()(sd_bus_message *message) const { (void)sd_bus_message_unref(message); }
    void operator()(sd_bus_slot *slot) const { (void)sd_bus_slot_unref(slot); }
};
using Bus = std::unique_ptr<sd_bus, Free>;
using Message = std::unique_ptr<sd_bus_message, Free>;
using Slot = std::unique_ptr<sd_bus_slot, Free>;

constexpr const char *kName = "org.ballast.Agent1";
constexpr const char *kPath = "/org/ballast/Agent1";
constexpr const char *kFailed = "org.ballast.Agent1.Failed";

const std::filesystem::path kLogindFile = "/run/systemd/logind.conf.d/50-ballast-agent.conf";

// One for each call: they are rare, and a connection is one thread's.
Result<Bus> connect() {
    sd_bus *bus = nullptr;
    if (const int error = sd_bus_open_system(&bus); error < 0) {
        return fail_errno("connect to the system's bus", -error);
    }
    return Bus(bus);
}

Result<Message> method(sd_bus &bus, const char *name, const Peer &peer = kSystemd) {
    sd_bus_message *message = nullptr;
    if (const int error =
            sd_bus_message_new_method_call(&bus, &message, peer.service, peer.object, peer.interface, name);
        error < 0) {
        return fail_errno(std::string("call ") + peer.name, -error);
    }
    return Message(message);
}

int append_limits(sd_bus_message *message, const SliceLimits &limits) {
    constexpr std::uint64_t kNone = UINT64_MAX;
    const auto or_none = [](const std::optional<std::int64_t> &limit) {
        return limit ? static_cast<std::uint64_t>(*limit) : kNone;
    };
    return sd_bus_message_append(message, "a(sv)", 4, "CPUWeight", "t", static_cast<std::uint64_t>(limits.cpu_weight),
                                 "CPUQuotaPerSecUSec", "t", or_none(limits.cpu_quota), "MemoryMax", "t",
                                 or_none(limits.memory), "TasksMax", "t", or_none(limits.processes));
}

// ENOENT, EEXIST for systemd's own words of that.
Status send(sd_bus &bus, sd_bus_message *message, const std::string &what, Message *reply = nullptr) {
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus_message *answer = nullptr;
    const int result = sd_bus_call(&bus, message, 0, &error, &answer);
    Message kept(answer);
    if (reply != nullptr) {
        *reply = std::move(kept);
    }
    const bool exists = sd_bus_error_has_name(&error, "org.freedesktop.systemd1.UnitExists") > 0;
    const bool missing = sd_bus_error_has_name(&error, "org.freedesktop.systemd1.NoSuchUnit") > 0;
    const std::string text = error.message == nullptr ? "" : error.message;
    sd_bus_error_free(&error);
    if (result >= 0) {
        return {};
    }
    return fail(exists ? EEXIST : missing ? ENOENT : -result, what + ": " + text);
}

Status start(sd_bus &bus, const std::string &name, const SliceLimits &limits) {
    const Message message = TRY(method(bus, "StartTransientUnit"));
    if (sd_bus_message_append(message.get(), "ss", name.c_str(), "replace") < 0 ||
        append_limits(message.get(), limits) < 0 || sd_bus_message_append(message.get(), "a(sa(sv))", 0) < 0) {
        return fail(ENOMEM, "slice " + name + ": the message cannot be made");
    }
    return send(bus, message.get(), "make slice " + name);
}

Status change(sd_bus &bus, const std::string &name, const SliceLimits &limits) {
    const Message message = TRY(method(bus, "SetUnitProperties"));
    if (sd_bus_message_append(message.get(), "sb", name.c_str(), 1) < 0 || append_limits(message.get(), limits) < 0) {
        return fail(ENOMEM, "slice " + name + ": the message cannot be made");
    }
    return send(bus, message.get(), "change slice " + name);
}

int get_ready(sd_bus * /*bus*/, const char * /*path*/, const char * /*interface*/, const char * /*property*/,
              sd_bus_message *reply, void *data, sd_bus_error * /*error*/) {
    return sd_bus_message_append(reply, "b", static_cast<const Facts *>(data)->ready() ? 1 : 0);
}

int get_pods(sd_bus * /*bus*/, const char * /*path*/, const char * /*interface*/, const char * /*property*/,
             sd_bus_message *reply, void *data, sd_bus_error * /*error*/) {
    int result = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "s");
    for (const std::string &pod : static_cast<const Facts *>(data)->pods()) {
        result = result < 0 ? result : sd_bus_message_append(reply, "s", pod.c_str());
    }
    return result < 0 ? result : sd_bus_message_close_container(reply);
}

Answer answer_to(sd_bus_message *call) {
    const std::shared_ptr<sd_bus_message> kept(sd_bus_message_ref(call), Free());
    return [kept](const Status &done) {
        // Whoever has gone meanwhile hears nothing.
        (void)(done.has_value() ? sd_bus_reply_method_return(kept.get(), nullptr)
                                : sd_bus_reply_method_errorf(kept.get(), kFailed, "%s", done.error().message.c_str()));
    };
}

int drain(sd_bus_message *call, void *data, sd_bus_error * /*error*/) {
    std::uint64_t seconds = 0;
    if (const int result = sd_bus_message_read(call, "t", &seconds); result < 0) {
        return result;
    }
    constexpr std::uint64_t kMost = 24ULL * 60 * 60;
    static_cast<const Facts *>(data)->drain(std::chrono::seconds(std::min(seconds, kMost)), answer_to(call));
    return 1;
}

int uncordon(sd_bus_message *call, void *data, sd_bus_error * /*error*/) {
    static_cast<const Facts *>(data)->uncordon(answer_to(call));
    return 1;
}

const sd_bus_vtable kTable[] = {SD_BUS_VTABLE_START(0),
                                SD_BUS_PROPERTY("Ready", "b", get_ready, 0, 0),
                                SD_BUS_PROPERTY("Pods", "as", get_pods, 0, 0),
                                SD_BUS_METHOD("Drain", "t", "", drain, 0),
                                SD_BUS_METHOD("Uncordon", "", "", uncordon, 0),
                                SD_BUS_VTABLE_END};

Result<std::chrono::microseconds> longest_delay(sd_bus &bus) {
    sd_bus_error error = SD_BUS_ERROR_NULL;
    std::uint64_t time = 0;
    const int result = sd_bus_get_property_trivial(&bus, kLogind.service, kLogind.object, kLogind.interface,
                                                   "InhibitDelayMaxUSec", &error, 't', &time);
    sd_bus_error_free(&error);
    return result < 0 ? Result<std::chrono::microseconds>(fail_errno("ask logind how long it waits", -result))
                      : std::chrono::microseconds(time);
}

// A file that is gone when the machine starts again; an operator's own in /etc, with a higher number, wins.
Status ask_for_delay(sd_bus &bus, std::chrono::seconds time) {
    TRY(make_directories(kLogindFile.parent_path()));
    TRY(replace_file(kLogindFile, "# Written by ballast-agent: so long may pods take to end.\n[Login]\n"
                                  "InhibitDelayMaxSec=" +
                                      std::to_string(time.count()) + "\n"));
    const Message message = TRY(method(bus, "ReloadUnit"));
    if (sd_bus_message_append(message.get(), "ss", "systemd-logind.service", "replace") < 0) {
        return fail(ENOMEM, "reload logind: the message cannot be made");
    }
    return send(bus, message.get(), "reload logind");
}

// It has read its configuration anew a moment after it was told to.
Status have_delay(sd_bus &bus, std::chrono::seconds time) {
    constexpr int kTries = 50;
    constexpr std::chrono::milliseconds kWait{100};
    if (TRY(longest_delay(bus)) >= time) {
        return {};
    }
    TRY(ask_for_delay(bus, time));
    std::chrono::microseconds delay{0};
    for (int i = 0; i < kTries; i++) {
        delay = TRY(longest_delay(bus));
        if (delay >= time) {
            return {};
        }
        std::this_thread::sleep_for(kWait);
    }
    return fail(ERANGE, std::format("logind waits {} s at most when the machine is shut down, and pods may take {} s: "
                                    "see InhibitDelayMaxSec in logind.conf(5)",
                                    std::chrono::duration_cast<std::chrono::seconds>(delay).count(), time.count()));
}

Result<Fd> inhibit(sd_bus &bus) {
    const Message message = TRY(method(bus, "Inhibit", kLogind));
    if (sd_bus_message_append(message.get(), "ssss", "shutdown", "ballast-agent", "Pods are ended first", "delay") <
        0) {
        return fail(ENOMEM, "have logind wait: the message cannot be made");
    }
    Message reply;
    TRY(send(bus, message.get(), "have logind wait", &reply));
    int borrowed = -1;
    if (const int error = sd_bus_message_read(reply.get(), "h", &borrowed); error < 0) {
        return fail_errno("read logind's answer", -error);
    }
    Fd own(::fcntl(borrowed, F_DUPFD_CLOEXEC, 0)); // the message's own goes with it
    return own.is_open() ? Result<Fd>(std::move(own)) : fail_errno("keep logind's lock");
}

int take_news(sd_bus_message *signal, void *data, sd_bus_error * /*error*/) {
    int down = 0;
    if (sd_bus_message_read(signal, "b", &down) >= 0) {
        *static_cast<std::optional<bool> *>(data) = down != 0;
    }
    return 0;
}

} // namespace

struct Service::Data {
    Facts facts;
    Bus bus;
    Slot slot;
};

Service::Service(std::unique_ptr<Data> data) : data_(std::move(data)) {}
Service::~Service() = default;

Result<std::unique_ptr<Service>> Service::open(Facts facts) {
    auto data = std::make_unique<Data>(Data{std::move(facts), TRY(connect()), nullptr});
    sd_bus_slot *slot = nullptr;
    if (const int error = sd_bus_add_object_vtable(data->bus.get(), &slot, kPath, kName, kTable, &data->facts);
        error < 0) {
        return fail_errno("publish the D-Bus interface", -error);
    }
    data->slot.reset(slot);
    if (const int error = sd_bus_request_name(data->bus.get(), kName, 0); error < 0) {
        return fail_errno(std::string("take the D-Bus name ") + kName, -error);
    }
    return std::unique_ptr<Service>(new Service(std::move(data)));
}

BorrowedFd Service::fd() const { return BorrowedFd(sd_bus_get_fd(data_->bus.get())); }
short Service::events() const { return static_cast<short>(sd_bus_get_events(data_->bus.get())); }

Status Service::process() {
    int result = 0;
    while ((result = sd_bus_process(data_->bus.get(), nullptr)) > 0) {
    }
    return result < 0 ? fail_errno("D-Bus", -result) : Status();
}

struct ShutdownDelay::Data {
    Bus bus;
    Slot slot;
    Fd lock;
    std::optional<bool> news;
};

ShutdownDelay::ShutdownDelay(std::unique_ptr<Data> data) : data_(std::move(data)) {}
ShutdownDelay::~ShutdownDelay() = default;

Result<std::unique_ptr<ShutdownDelay>> ShutdownDelay::open(std::chrono::seconds time) {
    auto data = std::make_unique<Data>(Data{TRY(connect()), nullptr, Fd(), std::nullopt});
    TRY(have_delay(*data->bus, time));
    sd_bus_slot *slot = nullptr;
    if (const int error = sd_bus_match_signal(data->bus.get(), &slot, kLogind.service, kLogind.object,
                                              kLogind.interface, "PrepareForShutdown", take_news, &data->news);
        error < 0) {
        return fail_errno("listen to logind", -error);
    }
    data->slot.reset(slot);
    data->lock = TRY(inhibit(*data->bus));
    return std::unique_ptr<ShutdownDelay>(new ShutdownDelay(std::move(data)));
}

BorrowedFd ShutdownDelay::fd() const { return BorrowedFd(sd_bus_get_fd(data_->bus.get())); }
short ShutdownDelay::events() const { return static_cast<short>(sd_bus_get_events(data_->bus.get())); }

Result<std::optional<bool>> ShutdownDelay::process() {
    int result = 0;
    while ((result = sd_bus_process(data_->bus.get(), nullptr)) > 0) {
    }
    if (result < 0) {
        return fail_errno("D-Bus", -result);
    }
    const std::optional<bool> news = std::exchange(data_->news, std::nullopt);
    if (news == false && !data_->lock.is_open()) {
        data_->lock = TRY(inhibit(*data_->bus));
    }
    return news;
}

void ShutdownDelay::release() { data_->lock.close(); }

Status make_slice(const std::string &name, const SliceLimits &limits) {
    const Bus bus = TRY(connect());
    const Status started = start(*bus, name, limits);
    return !started.has_value() && started.error().code == EEXIST ? change(*bus, name, limits) : started;
}

Status drop_slice(const std::string &name) {
    const Bus bus = TRY(connect());
    const Message message = TRY(method(*bus, "StopUnit"));
    if (sd_bus_message_append(message.get(), "ss", name.c_str(), "replace") < 0) {
        return fail(ENOMEM, "slice " + name + ": the message cannot be made");
    }
    const Status stopped = send(*bus, message.get(), "remove slice " + name);
    return !stopped.has_value() && stopped.error().code == ENOENT ? Status() : stopped;
}

} // namespace ballast::agent::bus
