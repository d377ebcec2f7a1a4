// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/cni/chain.h"
#include "runtime/cni/configuration.h"
#include "runtime/engine/model.h"

// Networks of pods: a namespace for each, which the operator's plugins of CNI fill. For several threads at once.
namespace ballast::engine {

struct PodNetworkSettings {
    std::filesystem::path configurations = "/etc/cni/net.d";
    std::filesystem::path otherwise = {}; // a file that counts while there is none
    cni::PluginPlaces plugins = {};
};

class PodNetwork {
  public:
    // `cache`: where attachments are written down.
    PodNetwork(const PodNetworkSettings &settings, std::filesystem::path cache)
        : configurations_(settings.configurations, settings.otherwise), chain_(settings.plugins, std::move(cache)) {}

    // Makes the namespace on `file` and attaches it. The pod's addresses, the first one first.
    Result<Texts> attach(const Snapshot &sandbox, const std::filesystem::path &file);
    // Takes all of it back; nothing left to do is fine. What fails stays known: ask again.
    Status detach(const std::string &id, const std::filesystem::path &file);
    // Whether the pod's namespace is still there.
    static bool is_whole(const std::filesystem::path &file);

    // Can pods be attached? The error says why not.
    Status ready();
    // Sandboxes that something was written down of and `wanted` does not know: of a killed engine, or another boot.
    Texts left(const std::function<bool(const std::string &id)> &wanted) const;
    // What was written down and cannot be read.
    Texts problems() const;

  private:
    cni::ConfigurationDirectory configurations_;
    cni::Chain chain_;
};

} // namespace ballast::engine
