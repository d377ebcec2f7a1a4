// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "updater/ostree.h"

// The updater on D-Bus: name and interface org.ballast.Updater1, object /org/ballast/Updater1. The bus daemon's policy
// and sd-bus let root alone call it. Every method answers with one JSON text. The one place that includes sd-bus.
namespace ballast::updater {

using BusArgument = std::variant<bool, std::string, std::vector<std::string>>; // b, s, as

struct BusCall {
    std::string method;
    std::vector<BusArgument> arguments = {};
};

// Error codes as names: org.ballast.Updater1.Error.Busy and the like.
std::string bus_error_name(int code);
int code_of_bus_error(const std::string &name);

// An answer that is owed. Answered once, in the thread that dispatches; one that is dropped is an error for the caller.
class BusReply {
  public:
    BusReply(BusReply &&) noexcept;
    BusReply &operator=(BusReply &&) noexcept;
    ~BusReply();
    void answer(const Result<std::string> &result);

  private:
    friend class BusService;
    struct Data;
    explicit BusReply(std::unique_ptr<Data> data);
    std::unique_ptr<Data> data_;
};

// Not for use by several threads.
class BusService {
  public:
    using Handler = std::function<void(BusCall, BusReply)>;

    // On the system bus, under our name. EEXIST when another updater has it.
    static Result<BusService> on_system_bus(Handler handler);
    // On a connected socket without a bus between.
    static Result<BusService> on_socket(Fd socket, Handler handler);
    BusService(BusService &&) noexcept;
    BusService &operator=(BusService &&) noexcept;
    ~BusService();

    // For poll(2).
    int descriptor() const;
    short events() const;
    int timeout() const; // milliseconds; -1: none
    // Handles what came, and sends what is to be sent.
    Status dispatch();

    void set_state(const std::string &state); // the property State; tells who watches it
    void tell_progress(const std::string &version, const PullProgress &progress); // the signal Progress
    // No call reaches us after this: systemd keeps those that come until we have ended, and starts us again. dispatch()
    // once more for what came before.
    Status give_name_up();
    // After give_name_up(): systemd, which kills who takes long to end, gives us so much more from now on.
    void ask_for_time(std::chrono::seconds time);

  private:
    struct Data;
    explicit BusService(std::unique_ptr<Data> data);
    std::unique_ptr<Data> data_;
};

class BusClient {
  public:
    using Watch = std::function<void(const std::string &version, const PullProgress &progress)>;

    static Result<BusClient> connect(); // to the system bus
    static Result<BusClient> on_socket(Fd socket);
    BusClient(BusClient &&) noexcept;
    ~BusClient();

    // Waits for the answer as long as the service takes. The error's code is the service's; ECONNRESET when it went
    // away, EACCES when we may not call it.
    Result<std::string> call(const BusCall &call, const Watch &watch = {});

  private:
    struct Data;
    explicit BusClient(std::unique_ptr<Data> data);
    std::unique_ptr<Data> data_;
};

} // namespace ballast::updater
