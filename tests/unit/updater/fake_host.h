// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "updater/host.h"

namespace ballast::updater {

inline constexpr const char *kStable = "ballast:ballast/stable/x86_64/cloud";

inline std::string checksum(char digit) { return std::string(64, digit); }

inline CommitInfo commit(char digit) {
    return {
        .checksum = checksum(digit), .version = std::string(1, digit), .timestamp = static_cast<std::uint64_t>(digit)};
}

// A machine in memory: deployments, a boot loader that counts, a repository with one commit.
class FakeHost : public Host {
  public:
    FakeHost() {
        list = {{.commit = commit('1'), .refspec = kStable, .booted = true, .kernel_arguments = {}, .directory = {}}};
        facts = {.running = list[0].name(), .good = list[0].name(), .trial = {}, .tries = {}};
    }

    std::int64_t now() override { return time; }
    Result<std::vector<Deployment>> deployments() override { return list; }
    Result<BootFacts> boot_facts() override { return facts; }
    Result<Offer> look(const std::string &target, std::stop_token) override {
        asked = target;
        if (look_error) {
            return std::unexpected(*look_error);
        }
        return Offer{.commit = available, .refspec = "ballast:" + target, .url = {}};
    }
    Status pull(const Offer &, const std::function<void(const PullProgress &)> &watch, std::stop_token) override {
        watch({.bytes = 5, .total_bytes = 10, .objects = 1, .total_objects = 2, .rate = 3});
        return pull_error ? Status(std::unexpected(*pull_error)) : Status();
    }
    Status deploy(const Deploying &deploying) override {
        arguments = deploying.kernel_arguments;
        std::erase_if(list, &Deployment::staged);
        const CommitInfo made = deploying.checksum == available.checksum ? available : list.front().commit;
        int serial = 0;
        for (const Deployment &one : list) {
            serial += one.commit.checksum == made.checksum ? 1 : 0;
        }
        list.insert(list.begin(), {.commit = made,
                                   .serial = serial,
                                   .refspec = deploying.refspec,
                                   .staged = true,
                                   .kernel_arguments = {},
                                   .directory = {}});
        return {};
    }
    Status make_first(const std::string &name) override {
        std::erase_if(list, &Deployment::staged);
        std::ranges::stable_partition(list, [&](const Deployment &one) { return one.name() == name; });
        return {};
    }
    Status remove(const std::string &name) override {
        std::erase_if(list, [&](const Deployment &one) { return one.name() == name; });
        return {};
    }
    Status pin(const std::string &name, bool pinned) override {
        std::ranges::find(list, name, &Deployment::name)->pinned = pinned;
        return {};
    }
    Status clean_up() override { return {}; }
    Status forget_trial() override {
        facts.trial.clear();
        facts.tries.reset();
        return {};
    }
    Evidence evidence(const std::string &name) override {
        return {.reason = "no engine", .journal = {"failed: " + name}};
    }
    Status reboot() override {
        reboots++;
        return reboot_error ? Status(std::unexpected(*reboot_error)) : Status();
    }
    Result<WindowView> windows() override {
        const WindowView view = window;
        if (!later_window.empty()) {
            window = later_window.front();
            later_window.erase(later_window.begin());
        }
        return view;
    }
    Status take_lock() override {
        locks++;
        return lock_error ? Status(std::unexpected(*lock_error)) : Status();
    }
    Status give_lock_back() override {
        locks--;
        return {};
    }
    bool has_drain() override { return drains; }
    Status drain() override {
        drained++;
        return drain_error ? Status(std::unexpected(*drain_error)) : Status();
    }
    Status resume() override {
        if (resume_error) {
            return std::unexpected(*resume_error);
        }
        drained--;
        return {};
    }

    // What the machine does at a restart: shutdown finishes what is staged, GRUB counts.
    void restart() {
        for (Deployment &one : list) {
            one.staged = false;
            one.booted = false;
        }
        Deployment &newest = list.front();
        if (newest.name() == facts.good) {
            boot(newest);
            return;
        }
        if (facts.trial != newest.name()) {
            facts.trial = newest.name();
            facts.tries = 3;
        }
        if (facts.tries == 0) {
            boot(*std::ranges::find(list, facts.good, &Deployment::name));
            return;
        }
        facts.tries = *facts.tries - 1;
        boot(newest);
    }
    void boot(Deployment &one) {
        one.booted = true;
        facts.running = one.name();
    }
    void prove() {
        facts.good = facts.running;
        (void)forget_trial();
    }

    std::vector<Deployment> list;
    BootFacts facts;
    CommitInfo available = commit('2');
    std::optional<Error> look_error, pull_error, reboot_error, lock_error, drain_error, resume_error;
    KernelArgumentChanges arguments;
    WindowView window = {};
    std::vector<WindowView> later_window;
    std::string asked;
    int reboots = 0, locks = 0, drained = 0;
    bool drains = false; // an operator has programs for it
    std::int64_t time = 1000;
};

} // namespace ballast::updater
