// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "updater/ostree.h"
#include "updater/windows.h"

namespace ballast::updater {

// What the boot loader and the kernel say of deployments, by their names ("CHECKSUM.SERIAL").
struct BootFacts {
    std::string running;      // what the kernel was started with; empty: not by our menu
    std::string good;         // what passed its checks last
    std::string trial;        // what the tries below belong to
    std::optional<int> tries; // starts that it has left
};

// What is known of a deployment that failed.
struct Evidence {
    std::string reason; // one sentence
    std::vector<std::string> journal;
};

// All that the flow acts upon. The real one is LiveHost; tests have one in memory.
class Host {
  public:
    virtual ~Host() = default;
    virtual std::int64_t now() = 0; // seconds since the epoch

    virtual Result<std::vector<Deployment>> deployments() = 0;
    virtual Result<BootFacts> boot_facts() = 0;
    virtual Result<Offer> look(const std::string &target, std::stop_token stop) = 0;
    // Makes room for it first, and fails with ENOSPC before anything is fetched when there is none.
    virtual Status pull(const Offer &offer, const std::function<void(const PullProgress &)> &watch,
                        std::stop_token stop) = 0;
    virtual Status deploy(const Deploying &deploying) = 0;
    virtual Status make_first(const std::string &name) = 0;
    virtual Status remove(const std::string &name) = 0;
    virtual Status pin(const std::string &name, bool pinned) = 0;
    virtual Status clean_up() = 0;

    // Gives a deployment its tries back, so that the boot loader takes it once more.
    virtual Status forget_trial() = 0;
    virtual Evidence evidence(const std::string &name) = 0;
    virtual Status reboot() = 0;

    virtual Result<WindowView> windows() = 0;
    virtual Status take_lock() = 0;
    virtual Status give_lock_back() = 0;

    // Whether an operator's programs are there for it.
    virtual bool has_drain() = 0;
    // They take the workloads away, for as long as that takes; at the first that fails it ends.
    virtual Status drain() = 0;
    // They may come back.
    virtual Status resume() = 0;
};

} // namespace ballast::updater
