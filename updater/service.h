// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "updater/bus.h"
#include "updater/flow.h"
#include "updater/updater_config.h"

// The service: calls of the bus become operations of the flow, one at a time in a thread of their own; what is due by
// the configuration happens by itself; and it ends when nothing is left to do.
namespace ballast::updater {

class Service {
  public:
    struct Options {
        std::filesystem::path state = kStateDirectory;
        std::chrono::milliseconds idle{30'000};  // without a call and without work, before it ends
        std::chrono::milliseconds retry{60'000}; // between two looks at what a restart waits for
        // Asked between operations: the configuration, when it is another than the last time.
        std::function<std::optional<UpdaterConfig>()> configuration = {};
    };
    Service(UpdaterConfig config, Host &host, Options options);
    Service(const Service &) = delete;
    Service &operator=(const Service &) = delete;
    ~Service();

    // What to hand to a BusService.
    BusService::Handler handler();
    // Until it is idle, or the bus is lost.
    Status run(BusService &bus);

  private:
    using Operation = std::function<Result<std::string>(std::stop_token)>;
    struct Done {
        std::optional<BusReply> reply;
        Result<std::string> result;
    };

    void take(BusCall call, BusReply reply);
    std::optional<Operation> operation_of(const BusCall &call);
    void start(Operation operation, std::optional<BusReply> reply);
    void follow_configuration();
    void start_what_is_due();
    void collect(BusService &bus);
    Status wait(BusService &bus, std::chrono::steady_clock::time_point until);
    Status end(BusService &bus);
    Result<std::string> update_by_itself(std::stop_token stop);
    Result<std::string> then_restart(Result<Outcome> outcome, bool reboot);
    std::string status();
    void wake();
    bool is_working() const { return worker_.joinable(); }
    bool may_end() const;

    UpdaterConfig config_;
    Host &host_;
    Options options_;
    Fd wake_; // eventfd
    Flow flow_;
    std::chrono::steady_clock::time_point last_use_ = std::chrono::steady_clock::now();
    std::optional<std::chrono::steady_clock::time_point> next_look_; // at what is due
    std::mutex mutex_;
    std::deque<Done> done_;
    std::jthread worker_; // last: it is waited for before what it uses goes
};

} // namespace ballast::updater
