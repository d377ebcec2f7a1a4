// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "updater/host.h"
#include "updater/record.h"
#include "updater/updater_config.h"

namespace ballast::updater {

// The machine that this process runs on.
class LiveHost : public Host {
  public:
    struct Places {
        Sysroot::Places sysroot = {};
        std::filesystem::path boot = "/boot";
        std::filesystem::path command_line = "/proc/cmdline";
        std::filesystem::path state = kStateDirectory; // the reservation is made there
    };
    explicit LiveHost(UpdaterConfig config) : LiveHost(std::move(config), Places()) {}
    LiveHost(UpdaterConfig config, Places places) : config_(std::move(config)), places_(std::move(places)) {}

    // From now on; not while another thread asks this for anything.
    void configure(const UpdaterConfig &config) { config_ = config; }

    std::int64_t now() override;
    Result<std::vector<Deployment>> deployments() override;
    Result<BootFacts> boot_facts() override;
    Result<Offer> look(const std::string &target, std::stop_token stop) override;
    Status pull(const Offer &offer, const std::function<void(const PullProgress &)> &watch,
                std::stop_token stop) override;
    Status deploy(const Deploying &deploying) override;
    Status make_first(const std::string &name) override;
    Status remove(const std::string &name) override;
    Status pin(const std::string &name, bool pinned) override;
    Status clean_up() override;
    Status forget_trial() override;
    Evidence evidence(const std::string &name) override;
    Status reboot() override;
    Result<WindowView> windows() override;
    Status take_lock() override;
    Status give_lock_back() override;
    bool has_drain() override;
    Status drain() override;
    Status resume() override;

  private:
    Source source() const;
    Status check_boot_room(const Offer &offer);
    UpdaterConfig config_;
    Places places_;
};

} // namespace ballast::updater
