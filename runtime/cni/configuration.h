// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/network/address.h"

// What network pods get: the operator's configuration of CNI (specification 1.1, section 1).
namespace ballast::cni {

struct Plugin {
    std::string type;
    std::set<std::string> capabilities; // those that are wanted: "portMappings", "bandwidth", …
    std::string json;                   // its object, as it was written
};

struct Configuration {
    std::string name;
    std::string version; // "1.0.0"
    bool check = true;   // false: its plugins cannot CHECK
    bool garbage_collected = true;
    std::vector<Plugin> plugins;
    std::string json; // all of it, as a list

    // Versions of the specification are compared by their numbers.
    bool at_least(std::string_view other) const;
};

// A list of plugins (.conflist), or a single one (.conf, .json). EINVAL with "NAME: PATH: PROBLEM". Versions 0.3.0 to
// 1.1.0 are taken; of "cniVersions" the highest that is one of those.
Result<Configuration> parse_configuration(std::string_view text, const std::string &name);

// Is the version one that we speak?
bool is_spoken(std::string_view version);
// Does the version `left` come before `right`? Both are spoken.
bool comes_before(std::string_view left, std::string_view right);

// A configuration whose host-local plugins take one address of each range, with a default route for each family that is
// among them. EINVAL "NAME: ...": it is none, or no plugin of it has such addresses.
Result<std::string> with_ranges(std::string_view text, const std::string &name,
                                const std::vector<network::Subnet> &ranges);

// The configuration that holds now. Of an operator's files (.conf, .conflist, .json) the first in lexical order counts
// alone: when it is broken there is no network, rather than another one than the operator wanted.
class ConfigurationDirectory {
  public:
    // `otherwise`: a file that counts while the directory holds none; empty: none does.
    ConfigurationDirectory(std::filesystem::path directory, std::filesystem::path otherwise)
        : directory_(std::move(directory)), otherwise_(std::move(otherwise)) {}

    // Looks at the directory each time, and reads what changed. ENOENT: there is no configuration.
    Result<std::shared_ptr<const Configuration>> current();
    // Where addresses are taken from by the file that counts otherwise; empty: as it says itself. An operator's file is
    // never changed.
    void set_ranges(std::vector<network::Subnet> ranges);

  private:
    struct Stamp { // by which a file that changed is known
        std::filesystem::path path;
        std::uint64_t inode = 0, size = 0;
        std::int64_t changed = 0; // nanoseconds
        bool operator==(const Stamp &) const = default;
    };
    Result<std::optional<Stamp>> choose() const;

    std::filesystem::path directory_;
    std::filesystem::path otherwise_;
    std::mutex mutex_;
    std::vector<network::Subnet> ranges_;
    std::optional<Stamp> stamp_;
    Result<std::shared_ptr<const Configuration>> read_ = nullptr;
};

} // namespace ballast::cni
