// SPDX-License-Identifier: Apache-2.0
#include "updater/bus.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <climits>
#include <ctime>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <utility>

namespace ballast::updater {
namespace {

constexpr const char *kName = "org.ballast.Updater1";
constexpr const char *kPath = "/org/ballast/Updater1";
constexpr const char *kInterface = "org.ballast.Updater1";
constexpr std::uint64_t kBarrierTime =
    5'000'000; // microseconds; a system manager that is busy for longer is not waited for
constexpr std::string_view kErrorPrefix = "org.ballast.Updater1.Error.";

struct BusUnref {
    void operator()(sd_bus *bus) const { sd_bus_flush_close_unref(bus); }
};
struct MessageUnref {
    void operator()(sd_bus_message *message) const { sd_bus_message_unref(message); }
};
struct SlotUnref {
    void operator()(sd_bus_slot *slot) const { sd_bus_slot_unref(slot); }
};
using Bus = std::unique_ptr<sd_bus, BusUnref>;
using Message = std::unique_ptr<sd_bus_message, MessageUnref>;
using Slot = std::unique_ptr<sd_bus_slot, SlotUnref>;

constexpr std::array kErrors = std::to_array<std::pair<int, const char *>>({
    {EBUSY, "Busy"},
    {EPERM, "Refused"},
    {ENOENT, "NotFound"},
    {EINVAL, "InvalidArgument"},
    {ENOSPC, "NoSpace"},
    {ECANCELED, "Cancelled"},
    {EKEYREJECTED, "Untrusted"},
    {ESTALE, "Expired"},
    {ETIMEDOUT, "TimedOut"},
    {EIO, "Failed"}, // and whatever has no name of its own
});

std::unexpected<Error> bus_failed(const std::string &what, int result) { return fail_errno(what, -result); }

int on_call(sd_bus_message *message, void *data, sd_bus_error *error);
int get_state(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
              void *data, sd_bus_error *error);

// Nothing here is for the unprivileged: sd-bus asks for CAP_SYS_ADMIN, whatever the bus daemon's policy lets through.
const sd_bus_vtable kTable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_PROPERTY("State", "s", get_state, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_METHOD_WITH_ARGS("Status", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", json), on_call, 0),
    SD_BUS_METHOD_WITH_ARGS("History", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", json), on_call, 0),
    SD_BUS_METHOD_WITH_ARGS("Check", SD_BUS_ARGS("s", target), SD_BUS_RESULT("s", json), on_call, 0),
    SD_BUS_METHOD_WITH_ARGS("Upgrade", SD_BUS_ARGS("s", target, "b", allow_older, "b", insist, "b", reboot),
                            SD_BUS_RESULT("s", json), on_call, 0),
    SD_BUS_METHOD_WITH_ARGS("Rollback", SD_BUS_ARGS("b", reboot), SD_BUS_RESULT("s", json), on_call, 0),
    SD_BUS_METHOD_WITH_ARGS("SetKernelArguments", SD_BUS_ARGS("as", append, "as", remove, "as", replace, "b", reboot),
                            SD_BUS_RESULT("s", json), on_call, 0),
    SD_BUS_METHOD_WITH_ARGS("Pin", SD_BUS_ARGS("s", deployment, "b", pinned), SD_BUS_RESULT("s", json), on_call, 0),
    SD_BUS_METHOD_WITH_ARGS("CleanUp", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", json), on_call, 0),
    SD_BUS_METHOD_WITH_ARGS("Acknowledge", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", json), on_call, 0),
    SD_BUS_METHOD_WITH_ARGS("Cancel", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", json), on_call, 0),
    SD_BUS_SIGNAL_WITH_ARGS(
        "Progress",
        SD_BUS_ARGS("s", version, "t", bytes, "t", total_bytes, "t", objects, "t", total_objects, "t", rate), 0),
    SD_BUS_VTABLE_END};

Result<std::vector<std::string>> read_texts(sd_bus_message *message) {
    std::vector<std::string> texts;
    int result = sd_bus_message_enter_container(message, SD_BUS_TYPE_ARRAY, "s");
    const char *text = nullptr;
    while (result >= 0 && (result = sd_bus_message_read_basic(message, SD_BUS_TYPE_STRING, &text)) > 0) {
        texts.emplace_back(text);
    }
    result = result < 0 ? result : sd_bus_message_exit_container(message);
    return result < 0 ? bus_failed("read a call", result) : Result<std::vector<std::string>>(std::move(texts));
}

// sd-bus has compared the signature with the table's.
Result<BusCall> read_call(sd_bus_message *message) {
    BusCall call{.method = sd_bus_message_get_member(message)};
    for (const char *type = sd_bus_message_get_signature(message, 1); *type != '\0'; type++) {
        int result = 0;
        if (*type == 'b') {
            int value = 0;
            result = sd_bus_message_read_basic(message, SD_BUS_TYPE_BOOLEAN, &value);
            call.arguments.emplace_back(value != 0);
        } else if (*type == 's') {
            const char *value = "";
            result = sd_bus_message_read_basic(message, SD_BUS_TYPE_STRING, &value);
            call.arguments.emplace_back(std::string(value));
        } else {
            call.arguments.emplace_back(TRY(read_texts(message)));
            type++; // the 's' of "as"
        }
        if (result < 0) {
            return bus_failed("read a call", result);
        }
    }
    return call;
}

int append(sd_bus_message *message, const BusArgument &argument) {
    if (const bool *flag = std::get_if<bool>(&argument)) {
        const int value = *flag ? 1 : 0;
        return sd_bus_message_append_basic(message, SD_BUS_TYPE_BOOLEAN, &value);
    }
    if (const auto *text = std::get_if<std::string>(&argument)) {
        return sd_bus_message_append_basic(message, SD_BUS_TYPE_STRING, text->c_str());
    }
    int result = sd_bus_message_open_container(message, SD_BUS_TYPE_ARRAY, "s");
    for (const std::string &text : std::get<std::vector<std::string>>(argument)) {
        result = result < 0 ? result : sd_bus_message_append_basic(message, SD_BUS_TYPE_STRING, text.c_str());
    }
    return result < 0 ? result : sd_bus_message_close_container(message);
}

} // namespace

std::string bus_error_name(int code) {
    const auto *found = std::ranges::find(kErrors, code, &std::pair<int, const char *>::first);
    return std::string(kErrorPrefix) + (found == kErrors.end() ? kErrors.back().second : found->second);
}

int code_of_bus_error(const std::string &name) {
    for (const auto &[code, text] : kErrors) {
        if (name == std::string(kErrorPrefix) + text) {
            return code;
        }
    }
    if (name == SD_BUS_ERROR_ACCESS_DENIED) {
        return EACCES;
    }
    return name == SD_BUS_ERROR_NO_REPLY || name == SD_BUS_ERROR_SERVICE_UNKNOWN ? ECONNRESET : EIO;
}

struct BusReply::Data {
    Message message;
};

BusReply::BusReply(std::unique_ptr<Data> data) : data_(std::move(data)) {}
BusReply::BusReply(BusReply &&) noexcept = default;
BusReply &BusReply::operator=(BusReply &&) noexcept = default;
BusReply::~BusReply() {
    if (data_) {
        answer(fail(EIO, "the updater ended before it could answer"));
    }
}

void BusReply::answer(const Result<std::string> &result) {
    const std::unique_ptr<Data> data = std::move(data_);
    // A caller that has gone away needs no answer.
    if (result.has_value()) {
        (void)sd_bus_reply_method_return(data->message.get(), "s", result->c_str());
    } else {
        (void)sd_bus_reply_method_errorf(data->message.get(), bus_error_name(result.error().code).c_str(), "%s",
                                         result.error().message.c_str());
    }
}

struct BusService::Data {
    Bus bus;
    Slot slot;
    Handler handler;
    bool on_bus = true; // false: a peer at the other end of a socket
    std::string state = "idle";

    Status publish() {
        sd_bus_slot *added = nullptr;
        const int result = sd_bus_add_object_vtable(bus.get(), &added, kPath, kInterface, kTable, this);
        slot.reset(added);
        return result < 0 ? bus_failed("publish the D-Bus interface", result) : Status();
    }

    void take(sd_bus_message *message) {
        BusReply reply(std::make_unique<BusReply::Data>(Message(sd_bus_message_ref(message))));
        if (Result<BusCall> call = read_call(message); call.has_value()) {
            handler(std::move(*call), std::move(reply));
        } else {
            reply.answer(std::unexpected(call.error()));
        }
    }
    static int on_message(sd_bus_message *message, void *data) {
        static_cast<Data *>(data)->take(message);
        return 1;
    }
    static const std::string &state_of(void *data) { return static_cast<Data *>(data)->state; }
};

namespace {

int (*take_message)(sd_bus_message *, void *) = nullptr;
const std::string &(*state_of)(void *) = nullptr;

int on_call(sd_bus_message *message, void *data, sd_bus_error * /*error*/) { return take_message(message, data); }

int get_state(sd_bus * /*bus*/, const char * /*path*/, const char * /*interface*/, const char * /*property*/,
              sd_bus_message *reply, void *data, sd_bus_error * /*error*/) {
    return sd_bus_message_append(reply, "s", state_of(data).c_str());
}

} // namespace

BusService::BusService(std::unique_ptr<Data> data) : data_(std::move(data)) {
    take_message = Data::on_message;
    state_of = Data::state_of;
}
BusService::BusService(BusService &&) noexcept = default;
BusService &BusService::operator=(BusService &&) noexcept = default;
BusService::~BusService() = default;

Result<BusService> BusService::on_system_bus(Handler handler) {
    auto data = std::make_unique<Data>();
    data->handler = std::move(handler);
    sd_bus *bus = nullptr;
    int result = sd_bus_open_system(&bus);
    data->bus.reset(bus);
    if (result < 0) {
        return bus_failed("connect to the system bus", result);
    }
    TRY(data->publish());
    result = sd_bus_request_name(bus, kName, 0);
    if (result < 0) {
        return bus_failed("take the name " + std::string(kName), result);
    }
    return BusService(std::move(data));
}

Result<BusService> BusService::on_socket(Fd socket, Handler handler) {
    auto data = std::make_unique<Data>();
    data->handler = std::move(handler);
    data->on_bus = false;
    sd_bus *bus = nullptr;
    int result = sd_bus_new(&bus);
    data->bus.reset(bus);
    sd_id128_t id{};
    result = result < 0 ? result : sd_id128_randomize(&id);
    result = result < 0 ? result : sd_bus_set_fd(bus, socket.get(), socket.get());
    if (result >= 0) {
        (void)socket.release(); // the bus closes it
    }
    result = result < 0 ? result : sd_bus_set_server(bus, 1, id);
    result = result < 0 ? result : sd_bus_start(bus);
    if (result < 0) {
        return bus_failed("serve D-Bus on a socket", result);
    }
    TRY(data->publish());
    return BusService(std::move(data));
}

int BusService::descriptor() const { return sd_bus_get_fd(data_->bus.get()); }
short BusService::events() const { return static_cast<short>(std::max(0, sd_bus_get_events(data_->bus.get()))); }

int BusService::timeout() const {
    std::uint64_t until = 0; // microseconds of CLOCK_MONOTONIC
    if (sd_bus_get_timeout(data_->bus.get(), &until) <= 0 || until == UINT64_MAX) {
        return -1;
    }
    const auto now =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch());
    const std::int64_t left = static_cast<std::int64_t>(until) - now.count();
    return static_cast<int>(std::clamp<std::int64_t>(left / 1000 + 1, 0, INT_MAX));
}

Status BusService::dispatch() {
    int result = 0;
    while ((result = sd_bus_process(data_->bus.get(), nullptr)) > 0) {
    }
    return result < 0 ? bus_failed("serve D-Bus", result) : Status();
}

void BusService::set_state(const std::string &state) {
    if (data_->state != state) {
        data_->state = state;
        (void)sd_bus_emit_properties_changed(data_->bus.get(), kPath, kInterface, "State", nullptr);
    }
}

void BusService::tell_progress(const std::string &version, const PullProgress &progress) {
    (void)sd_bus_emit_signal(data_->bus.get(), kPath, kInterface, "Progress", "sttttt", version.c_str(), progress.bytes,
                             progress.total_bytes, progress.objects, progress.total_objects,
                             progress.rate); // who is not there does not watch
}

Status BusService::give_name_up() {
    if (!data_->on_bus) {
        return {};
    }
    // First, and until it is read: systemd stops a unit of Type=dbus by SIGTERM when its name goes, in the middle of
    // the last calls, and a start that is asked for meanwhile comes to nothing. Without systemd there is nobody to
    // tell.
    (void)sd_notify(0, "STOPPING=1");
    (void)sd_notify_barrier(0, kBarrierTime);
    const int result = sd_bus_release_name(data_->bus.get(), kName);
    return result < 0 ? bus_failed("give up the name " + std::string(kName), result) : Status();
}

void BusService::ask_for_time(std::chrono::seconds time) {
    if (data_->on_bus) {
        const auto microseconds = std::chrono::microseconds(time).count();
        (void)sd_notify(0, ("EXTEND_TIMEOUT_USEC=" + std::to_string(microseconds)).c_str());
    }
}

struct BusClient::Data {
    Bus bus;
    bool on_bus = true;
    const Watch *watch = nullptr;

    static int on_progress(sd_bus_message *message, void *data, sd_bus_error * /*error*/) {
        const char *version = "";
        PullProgress progress;
        const Watch *watch = static_cast<Data *>(data)->watch;
        const int result = sd_bus_message_read(message, "sttttt", &version, &progress.bytes, &progress.total_bytes,
                                               &progress.objects, &progress.total_objects, &progress.rate);
        if (result >= 0 && watch != nullptr && *watch) {
            (*watch)(version, progress);
        }
        return result < 0 ? result : 0;
    }

    static int on_answer(sd_bus_message *message, void *data, sd_bus_error * /*error*/) {
        *static_cast<Message *>(data) = Message(sd_bus_message_ref(message));
        return 1;
    }
};

BusClient::BusClient(std::unique_ptr<Data> data) : data_(std::move(data)) {}
BusClient::BusClient(BusClient &&) noexcept = default;
BusClient::~BusClient() = default;

Result<BusClient> BusClient::connect() {
    auto data = std::make_unique<Data>();
    sd_bus *bus = nullptr;
    const int result = sd_bus_open_system(&bus);
    data->bus.reset(bus);
    return result < 0 ? bus_failed("connect to the system bus", result) : Result<BusClient>(BusClient(std::move(data)));
}

Result<BusClient> BusClient::on_socket(Fd socket) {
    auto data = std::make_unique<Data>();
    data->on_bus = false;
    sd_bus *bus = nullptr;
    int result = sd_bus_new(&bus);
    data->bus.reset(bus);
    result = result < 0 ? result : sd_bus_set_fd(bus, socket.get(), socket.get());
    if (result >= 0) {
        (void)socket.release(); // the bus closes it
    }
    result = result < 0 ? result : sd_bus_start(bus);
    return result < 0 ? bus_failed("speak D-Bus on a socket", result) : Result<BusClient>(BusClient(std::move(data)));
}

Result<std::string> BusClient::call(const BusCall &call, const Watch &watch) {
    const std::string what = "ask the updater (" + call.method + ")";
    sd_bus *bus = data_->bus.get();
    data_->watch = &watch;
    sd_bus_slot *raw_slot = nullptr;
    int result = watch ? sd_bus_match_signal(bus, &raw_slot, data_->on_bus ? kName : nullptr, kPath, kInterface,
                                             "Progress", Data::on_progress, data_.get())
                       : 0;
    const Slot match(raw_slot);
    sd_bus_message *raw = nullptr;
    result = result < 0 ? result
                        : sd_bus_message_new_method_call(bus, &raw, data_->on_bus ? kName : nullptr, kPath, kInterface,
                                                         call.method.c_str());
    const Message message(raw);
    for (const BusArgument &argument : call.arguments) {
        result = result < 0 ? result : append(raw, argument);
    }
    Message answer;
    sd_bus_slot *raw_call = nullptr;
    result = result < 0 ? result : sd_bus_call_async(bus, &raw_call, raw, Data::on_answer, &answer, UINT64_MAX);
    const Slot pending(raw_call);
    while (result >= 0 && !answer) {
        result = sd_bus_process(bus, nullptr);
        if (result == 0 && !answer) {
            result = sd_bus_wait(bus, UINT64_MAX);
        }
    }
    data_->watch = nullptr;
    if (result < 0) {
        return bus_failed(what, result);
    }
    if (const sd_bus_error *error = sd_bus_message_get_error(answer.get()); error != nullptr) {
        return fail(code_of_bus_error(error->name), error->message != nullptr ? error->message : error->name);
    }
    const char *text = "";
    result = sd_bus_message_read(answer.get(), "s", &text);
    return result < 0 ? bus_failed(what, result) : Result<std::string>(text);
}

} // namespace ballast::updater
