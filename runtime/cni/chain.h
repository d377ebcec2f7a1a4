// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/cni/attachment.h"
#include "runtime/cni/cache.h"
#include "runtime/cni/configuration.h"
#include "runtime/cni/plugin_call.h"

namespace ballast::cni {

// The operations of CNI on a configuration's plugins, one after the other (specification 1.1, section 3). For several
// threads at once. An attachment is written down before its first plugin is called, so that whatever a killed daemon
// left half-done is known and can be taken back.
class Chain {
  public:
    Chain(PluginPlaces places, std::filesystem::path cache) : places_(std::move(places)), cache_(std::move(cache)) {}

    // When a plugin fails, what the others did is taken back before the error is returned; should that fail as well,
    // the attachment stays known. EEXIST: it is attached already.
    Result<Attached> add(const Configuration &configuration, const Attachment &attachment);

    // Is everything as ADD left it? Nothing for configurations that cannot say (before 0.4.0, or "disableCheck").
    // ENOENT: not attached.
    Status check(const std::string &container);

    // Takes a container out of whatever it was put in; nothing left to do is fine. What fails stays known and can be
    // tried again. `network_namespace` empty, or no longer there: plugins tidy up what is outside of it.
    Status remove(const std::string &container, const std::filesystem::path &network_namespace);

    // Every attachment that is known, those of killed daemons and former boots included.
    Result<std::vector<CacheEntry>> known() const;
    // What of known() cannot be read.
    Result<std::vector<std::string>> problems() const;

    // Can containers be attached? Plugins that cannot say (STATUS came with 1.1) need only be there.
    Status ready(const Configuration &configuration);

    // Removes the attachments of containers that nobody wants, and has plugins forget what they keep for them (GC,
    // since 1.1). `wanted` is asked while nothing is added. Goes on after a failure, and returns the first.
    Status collect_garbage(const Configuration *configuration,
                           const std::function<bool(const std::string &container)> &wanted);

  private:
    struct Operation;
    Result<std::string> call(const char *command, const Configuration &configuration, const Plugin &plugin,
                             const CacheEntry &entry, const std::string &result_before) const;
    Status take_back(const CacheEntry &entry, const std::filesystem::path &network_namespace) const;
    Result<std::vector<CacheEntry>> of_container(const std::string &container) const;
    bool speaks(const std::string &type, std::string_view version);

    PluginPlaces places_;
    Cache cache_;
    std::shared_mutex collecting_; // GC against everything else: what is being added is not garbage
    std::mutex mutex_;             // of what follows
    std::map<std::string, std::set<std::string, std::less<>>> spoken_; // by a plugin's path and state
};

} // namespace ballast::cni
