// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_stamp.h"
#include "base/result.h"
#include "updater/windows.h"

// The updater's configuration, /etc/ballast/updater.json, read strictly. Its JSON Schema is
// configs/updater.schema.json; docs/usage/updates.md explains the keys.
namespace ballast::updater {

inline constexpr const char *kUpdaterFile = "/etc/ballast/updater.json";

enum class Strategy {
    kManual,    // nothing happens unasked
    kImmediate, // download, stage and restart as soon as there is something
    kWindow,    // restart inside of the windows only
    kLock,      // restart with the fleet's lock only, and inside of the windows if there are any
};

struct TlsFiles {
    std::filesystem::path authorities, certificate, key; // empty: the system's; none
};

struct LockServer {
    std::string url; // without slash at the end
    std::string group = "default";
    std::chrono::seconds timeout{30};
};

struct UpdaterConfig {
    Strategy strategy = Strategy::kManual;
    std::chrono::seconds check_interval{std::chrono::hours(6)};
    std::vector<std::string> urls; // of one repository and its mirrors, in the order in which they are asked
    std::string proxy;             // "http://host:port"
    TlsFiles tls;
    std::vector<std::filesystem::path> keys; // files or directories of public keys, beside those of the image
    std::vector<Window> windows;
    LockServer lock;
    std::string mistake; // of the file, when these are the defaults in its place: "FILE:LINE:COLUMN: what"
};

// EINVAL "FILE:LINE:COLUMN: what". A file that is missing is the defaults.
Result<UpdaterConfig> load_updater_config(const std::filesystem::path &file);
// The same; a file with a mistake is the defaults, and `mistake` says what is wrong.
UpdaterConfig updater_config_or_defaults(const std::filesystem::path &file);
Result<UpdaterConfig> parse_updater_config(const std::string &text, const std::string &name);

// The configuration as its file says it, and again once somebody has changed the file.
class ConfigFile {
  public:
    explicit ConfigFile(std::filesystem::path file) : file_(std::move(file)) {}

    // What the file says, when it is another than the last time, and the first time. A file with a mistake, which is
    // told in the journal and in `mistake`, stands for the defaults: rollback and the like must work all the same.
    std::optional<UpdaterConfig> changed();

  private:
    std::filesystem::path file_;
    std::optional<FileStamp> last_;
};

std::vector<std::string_view> updater_config_keys(); // in alphabetical order
std::string_view name_of(Strategy strategy);

} // namespace ballast::updater
