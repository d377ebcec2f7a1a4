// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/questions.h"

#include <condition_variable>
#include <sys/eventfd.h>
#include <utility>

namespace ballast::agent {

struct Questions::Question {
    enum class State { kWaiting, kRunning, kAnswered, kGivenUp };
    std::function<void()> run;
    std::condition_variable changed;
    State state = State::kWaiting; // under the questions' mutex
};

Result<std::unique_ptr<Questions>> Questions::make() {
    Fd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event.is_open()) {
        return fail_errno("eventfd");
    }
    return std::unique_ptr<Questions>(new Questions(std::move(event)));
}

Status Questions::ask(std::function<void()> question, std::chrono::milliseconds patience) {
    using State = Question::State;
    const auto asked = std::make_shared<Question>();
    asked->run = std::move(question);
    std::unique_lock lock(mutex_);
    if (closed_) {
        return fail(ECANCELED, "the agent stops");
    }
    waiting_.push_back(asked);
    (void)::eventfd_write(event_.get(), 1); // fails only when it is readable already
    const auto over = [&] { return asked->state == State::kAnswered || asked->state == State::kGivenUp; };
    if (!asked->changed.wait_for(lock, patience, over) && asked->state == State::kWaiting) {
        asked->state = State::kGivenUp;
        std::erase(waiting_, asked);
        return fail(ETIMEDOUT, "the agent is busy; try again later");
    }
    asked->changed.wait(lock, over); // one that runs uses what is the asker's
    return asked->state == State::kAnswered ? Status() : fail(ECANCELED, "the agent stops");
}

void Questions::answer() {
    eventfd_t count = 0;
    (void)::eventfd_read(event_.get(), &count); // nothing there: answered before
    std::unique_lock lock(mutex_);
    while (!waiting_.empty()) {
        const std::shared_ptr<Question> asked = std::move(waiting_.front());
        waiting_.pop_front();
        asked->state = Question::State::kRunning;
        lock.unlock();
        asked->run();
        lock.lock();
        asked->state = Question::State::kAnswered;
        asked->changed.notify_all();
    }
}

void Questions::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (const auto &asked : std::exchange(waiting_, {})) {
        asked->state = Question::State::kGivenUp;
        asked->changed.notify_all();
    }
}

} // namespace ballast::agent
