// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/pods/quality.h"
#include "base/fd.h"
#include "base/result.h"

// The system's bus: systemd, which owns the tree of cgroups, and what others ask this agent.
namespace ballast::agent::bus {

// Makes a slice with these limits, or gives one that is there these limits. From any thread.
Status make_slice(const std::string &name, const SliceLimits &limits);
// Missing is fine.
Status drop_slice(const std::string &name);

// To be called once, at any time, in the thread that calls process().
using Answer = std::function<void(const Status &done)>;

// What the object says of the node when it is asked, and what it has done.
struct Facts {
    std::function<bool()> ready;
    std::function<std::vector<std::string>()> pods;
    std::function<void(std::chrono::seconds time, Answer answer)> drain;
    std::function<void(Answer answer)> uncordon;
};

// org.ballast.Agent1 at /org/ballast/Agent1: the properties Ready (every pod that is wanted runs or has ended) and Pods
// ("NAMESPACE/NAME STATE" each); the methods Drain (in seconds at most) and Uncordon, which answer when it is done, or
// with an error org.ballast.Agent1.Failed. For root alone. In the thread that calls process().
class Service {
  public:
    // Takes the name. An error without a bus, or when somebody has that name.
    static Result<std::unique_ptr<Service>> open(Facts facts);
    ~Service();
    Service(const Service &) = delete;
    Service &operator=(const Service &) = delete;

    BorrowedFd fd() const;
    short events() const; // for poll(2)
    // Answers whoever asks. An error: the connection is over.
    Status process();

  private:
    struct Data;
    explicit Service(std::unique_ptr<Data> data);
    std::unique_ptr<Data> data_;
};

// Has logind say before it shuts the machine down, and wait until release() (org.freedesktop.login1, a "delay" lock on
// "shutdown"). In the thread that calls process().
class ShutdownDelay {
  public:
    // `time`: how long it is to wait at most. Where logind waits for less, it is told so in its configuration, until
    // the machine starts again. ERANGE: it is not willing to. Takes seconds at most.
    static Result<std::unique_ptr<ShutdownDelay>> open(std::chrono::seconds time);
    ~ShutdownDelay();
    ShutdownDelay(const ShutdownDelay &) = delete;
    ShutdownDelay &operator=(const ShutdownDelay &) = delete;

    BorrowedFd fd() const;
    short events() const; // for poll(2)
    // True: the machine goes down. False: it does not after all, and the next time it waits again. Nothing: no news. An
    // error: the connection is over.
    Result<std::optional<bool>> process();
    // It need not wait any longer.
    void release();

  private:
    struct Data;
    explicit ShutdownDelay(std::unique_ptr<Data> data);
    std::unique_ptr<Data> data_;
};

} // namespace ballast::agent::bus
