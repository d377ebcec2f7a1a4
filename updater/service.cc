// SPDX-License-Identifier: Apache-2.0
#include "updater/service.h"

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

#include "base/log.h"
#include "updater/etc_conflicts.h"
#include "updater/status.h"

namespace ballast::updater {
namespace {

using Clock = std::chrono::steady_clock;

// Answers of operations: one line for people, and what machines ask most.
Result<std::string> answer_of(const Result<Outcome> &outcome) {
    if (!outcome.has_value()) {
        return std::unexpected(outcome.error());
    }
    nlohmann::ordered_json json = {{"text", outcome->text}, {"available", outcome->offer.has_value()}};
    if (outcome->offer) {
        json["version"] = outcome->offer->commit.version;
        json["checksum"] = outcome->offer->commit.checksum;
        json["download-bytes"] = outcome->offer->download_bytes;
    }
    return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

int milliseconds_until(Clock::time_point when) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(when - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

} // namespace

Service::Service(UpdaterConfig config, Host &host, Options options)
    : config_(std::move(config)), host_(host), options_(std::move(options)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      flow_(host, options_.state, config_.strategy, !config_.windows.empty(), [this] { wake(); }) {}

Service::~Service() = default; // the worker is asked to stop, and waited for

void Service::wake() {
    (void)::eventfd_write(wake_.get(), 1); // full means that it is awake already
}

BusService::Handler Service::handler() {
    return [this](BusCall call, BusReply reply) { take(std::move(call), std::move(reply)); };
}

std::string Service::status() {
    StatusFacts facts{.snapshot = flow_.snapshot(),
                      .deployments = {},
                      .boot = {},
                      .strategy = std::string(name_of(config_.strategy)),
                      .urls = config_.urls,
                      .etc_conflicts = {},
                      .trouble = config_.mistake};
    if (Result<std::vector<Deployment>> deployments = host_.deployments(); deployments.has_value()) {
        facts.deployments = std::move(*deployments);
    } else {
        facts.trouble = deployments.error().message;
    }
    if (Result<BootFacts> boot = host_.boot_facts(); boot.has_value()) {
        facts.boot = std::move(*boot);
    } else {
        facts.trouble = boot.error().message;
    }
    const Deployment *running = running_of(facts.deployments);
    const Deployment *next = next_of(facts.deployments);
    if (next != nullptr && next->staged) { // later, they are merged already
        facts.etc_conflicts =
            etc_conflicts(running->directory / "etc", running->directory / "usr/etc", next->directory / "usr/etc")
                .value_or(std::vector<std::string>());
    }
    return status_json(facts);
}

Result<std::string> Service::then_restart(Result<Outcome> outcome, bool reboot) {
    if (outcome.has_value() && reboot && next_of(TRY(host_.deployments())) != nullptr) {
        const Outcome restarted = TRY(flow_.restart(true));
        outcome->text += "\n" + restarted.text;
    }
    return answer_of(outcome);
}

std::optional<Service::Operation> Service::operation_of(const BusCall &call) {
    const auto text = [&](std::size_t at) { return std::get<std::string>(call.arguments.at(at)); };
    const auto flag = [&](std::size_t at) { return std::get<bool>(call.arguments.at(at)); };
    const auto texts = [&](std::size_t at) { return std::get<std::vector<std::string>>(call.arguments.at(at)); };
    if (call.method == "Check") {
        return [this, target = text(0)](std::stop_token stop) {
            return answer_of(flow_.check({.target = target}, std::move(stop)));
        };
    }
    if (call.method == "Upgrade") {
        const Wish wish{.target = text(0), .allow_older = flag(1), .insist = flag(2)};
        return [this, wish, reboot = flag(3)](std::stop_token stop) {
            return then_restart(flow_.upgrade(wish, std::move(stop)), reboot);
        };
    }
    if (call.method == "Rollback") {
        return [this, reboot = flag(0)](std::stop_token) { return then_restart(flow_.roll_back(), reboot); };
    }
    if (call.method == "SetKernelArguments") {
        const KernelArgumentChanges changes{.append = texts(0), .remove = texts(1), .replace = texts(2)};
        return [this, changes, reboot = flag(3)](std::stop_token) {
            return then_restart(flow_.change_kernel_arguments(changes), reboot);
        };
    }
    if (call.method == "Pin") {
        return
            [this, which = text(0), pinned = flag(1)](std::stop_token) { return answer_of(flow_.pin(which, pinned)); };
    }
    if (call.method == "CleanUp") {
        return [this](std::stop_token) { return answer_of(flow_.clean_up()); };
    }
    if (call.method == "Acknowledge") {
        return [this](std::stop_token) { return answer_of(flow_.acknowledge()); };
    }
    return std::nullopt;
}

// What an operator has changed holds from the next call on.
void Service::follow_configuration() {
    if (is_working() || !options_.configuration) {
        return;
    }
    if (std::optional<UpdaterConfig> changed = options_.configuration()) {
        config_ = std::move(*changed);
        flow_.configure(config_.strategy, !config_.windows.empty());
        next_look_.reset();
    }
}

void Service::take(BusCall call, BusReply reply) {
    last_use_ = Clock::now();
    follow_configuration();
    if (call.method == "Status") {
        if (!is_working()) {
            (void)flow_.settle(); // the boot loader may have news; what went wrong there shows in the status
        }
        reply.answer(status());
    } else if (call.method == "History") {
        reply.answer(history_json(load_history(options_.state)));
    } else if (call.method == "Cancel") {
        worker_.request_stop();
        reply.answer(answer_of(Outcome{.text = is_working() ? "asked it to stop" : "nothing to stop", .offer = {}}));
    } else if (is_working()) {
        reply.answer(fail(EBUSY, "another operation is under way: the updater is " +
                                     std::string(name_of(flow_.snapshot().record.state))));
    } else if (std::optional<Operation> operation = operation_of(call)) {
        start(std::move(*operation), std::move(reply));
    } else {
        reply.answer(fail(EINVAL, "there is no method " + call.method));
    }
}

void Service::start(Operation operation, std::optional<BusReply> reply) {
    // The reply stays in this thread: sd-bus's messages belong to the one that dispatches.
    auto owed = std::make_shared<std::optional<BusReply>>(std::move(reply));
    worker_ = std::jthread([this, operation = std::move(operation), owed](std::stop_token stop) {
        Result<std::string> result = operation(std::move(stop));
        {
            const std::lock_guard held(mutex_);
            done_.push_back({std::move(*owed), std::move(result)});
        }
        wake();
    });
}

void Service::collect(BusService &bus) {
    eventfd_t count = 0;
    (void)::eventfd_read(wake_.get(), &count); // empty is fine
    const Snapshot snapshot = flow_.snapshot();
    bus.set_state(std::string(name_of(snapshot.record.state)));
    const bool begun = snapshot.progress.bytes > 0 || snapshot.progress.total_objects > 0; // before, 0 of 0 is no news
    if (snapshot.record.state == State::kDownloading && begun) {
        bus.tell_progress(snapshot.downloading, snapshot.progress);
    }
    std::deque<Done> done;
    {
        const std::lock_guard held(mutex_);
        done.swap(done_);
    }
    for (Done &one : done) {
        worker_.join();
        worker_ = std::jthread();
        last_use_ = Clock::now();
        if (!one.result.has_value()) {
            log::error(one.result.error().message, {{"STATE", name_of(snapshot.record.state)}});
        }
        if (one.reply) {
            one.reply->answer(one.result);
        }
    }
}

// What the configuration wants without anybody asking.
Result<std::string> Service::update_by_itself(std::stop_token stop) {
    const Record record = flow_.snapshot().record;
    const bool due = !record.last_check || host_.now() >= record.last_check->when + config_.check_interval.count() ||
                     host_.now() < record.last_check->when; // the clock was set back
    const bool settled = record.state != State::kVerifying && record.state != State::kRebooting;
    if (due && settled && !config_.urls.empty()) {
        if (const Result<Outcome> outcome = flow_.upgrade({}, std::move(stop)); !outcome.has_value()) {
            return std::unexpected(outcome.error());
        }
    }
    return answer_of(flow_.restart(false));
}

void Service::start_what_is_due() {
    follow_configuration();
    if (config_.strategy == Strategy::kManual || is_working() || (next_look_ && Clock::now() < *next_look_)) {
        return;
    }
    next_look_ = Clock::now() + options_.retry;
    const State state = flow_.snapshot().record.state;
    if (state != State::kRebooting && state != State::kVerifying) {
        start([this](std::stop_token stop) { return update_by_itself(std::move(stop)); }, std::nullopt);
    }
}

// While something is prepared that may be taken without an operator, somebody has to watch windows and locks.
bool Service::may_end() const {
    const State state = flow_.snapshot().record.state;
    const bool watches = config_.strategy != Strategy::kManual && (state == State::kStaged || state == State::kWaiting);
    const bool looked = config_.strategy == Strategy::kManual || next_look_.has_value();
    return looked && !is_working() && !watches && Clock::now() - last_use_ >= options_.idle;
}

// Until something came, or work ended, or then.
Status Service::wait(BusService &bus, Clock::time_point until) {
    const int bus_timeout = bus.timeout();
    const int timeout = milliseconds_until(until);
    std::array<pollfd, 2> polled{pollfd{.fd = bus.descriptor(), .events = bus.events(), .revents = 0},
                                 pollfd{.fd = wake_.get(), .events = POLLIN, .revents = 0}};
    if (::poll(polled.data(), polled.size(), bus_timeout < 0 ? timeout : std::min(timeout, bus_timeout)) < 0 &&
        errno != EINTR) {
        return fail_errno("wait for calls");
    }
    return {};
}

Status Service::run(BusService &bus) {
    if (const Status settled = flow_.settle(); !settled.has_value()) {
        log::error("compare what is remembered with what is: " + settled.error().message);
    }
    last_use_ = Clock::now(); // removing what was given up may have taken longer than it waits for calls
    if (const std::string trouble = flow_.snapshot().trouble; !trouble.empty()) {
        log::warning("the updater's record is made anew: " + trouble);
    }
    while (!may_end()) {
        start_what_is_due();
        collect(bus);
        TRY(bus.dispatch());
        if (may_end()) { // what was collected just now was the last; nothing would wake us
            break;
        }
        Clock::time_point until = last_use_ + options_.idle;
        if (is_working() || Clock::now() >= until) {
            until = Clock::now() + options_.retry; // what ends meanwhile wakes us
        }
        if (config_.strategy != Strategy::kManual && next_look_) {
            until = std::min(until, std::max(*next_look_, Clock::now() + std::chrono::milliseconds(10)));
        }
        TRY(wait(bus, until));
    }
    return end(bus);
}

// Calls that came just before are answered, and what one of them begins is done first: its caller waits for it.
Status Service::end(BusService &bus) {
    constexpr std::chrono::seconds kPause(20);
    TRY(bus.give_name_up());
    TRY(bus.dispatch());
    while (is_working()) {
        bus.ask_for_time(3 * kPause);
        TRY(wait(bus, Clock::now() + kPause));
        collect(bus);
        TRY(bus.dispatch());
    }
    return {};
}

} // namespace ballast::updater
