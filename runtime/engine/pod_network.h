// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/cni/chain.h"
#include "runtime/cni/configuration.h"
#include "runtime/engine/model.h"

// Networks of pods: a namespace for each, which the operator's plugins of CNI fill. For several threads at once.
namespace ballast::engine {

struct PodNetworkSettings {
    std::filesystem::path configurations = "/etc/cni/net.d";
    std::filesystem::path otherwise = {}; // counts while there is none; empty: PROGRAMS/cni/pods.conflist
    cni::PluginPlaces plugins = {};
};

class PodNetwork {
  public:
    // `cache`: where attachments are written down. `ranges`: the file that set_ranges() writes; one that does not read
    // is reported in `warnings`.
    PodNetwork(const PodNetworkSettings &settings, std::filesystem::path cache, std::filesystem::path ranges,
               Texts &warnings);

    // Makes the namespace on `file`, of `user_namespace` (none: ours), and attaches it. The pod's addresses, the first
    // one first.
    Result<Texts> attach(const Snapshot &sandbox, const std::filesystem::path &file, BorrowedFd user_namespace);
    // Takes all of it back; nothing left to do is fine. What fails stays known: ask again.
    Status detach(const std::string &id, const std::filesystem::path &file);
    // Whether the pod's namespace is still there.
    static bool is_whole(const std::filesystem::path &file);

    // Can pods be attached? The error says why not.
    Status ready();
    std::string configuration(); // as JSON; or why there is none
    // Where pods get addresses from while there is no operator's configuration: "10.244.1.0/24", or two of them with a
    // comma, one of each family. Kept for the next engine. EINVAL.
    Status set_ranges(const std::string &text);
    // Plugins forget what they keep for sandboxes that nobody wants (GC of CNI 1.1).
    Status collect_garbage(const std::function<bool(const std::string &id)> &wanted);
    // Sandboxes that something was written down of and `wanted` does not know: of a killed engine, or another boot.
    Texts left(const std::function<bool(const std::string &id)> &wanted) const;
    // What was written down and cannot be read.
    Texts problems() const;

  private:
    cni::ConfigurationDirectory configurations_;
    cni::Chain chain_;
    std::filesystem::path ranges_;
};

} // namespace ballast::engine
