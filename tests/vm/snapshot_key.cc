// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/snapshot_key.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file_io.h"
#include "base/positioned_io.h"
#include "tests/vm/seed_iso.h"

namespace ballast::vm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::uint64_t kEdge = 1U << 20;
constexpr int kFormat = 1; // of a snapshot's directory; another number invalidates all older ones

Result<std::string> read_part(const Fd &file, const fs::path &path, std::uint64_t offset, std::uint64_t size) {
    std::string bytes = TRY(read_at(file, offset, size, "read " + path.string()));
    return bytes.size() == size ? Result<std::string>(std::move(bytes)) : fail(EIO, path.string() + " became shorter");
}

// Their content may be any bytes, which JSON cannot hold.
json digests(std::map<std::string, std::string> texts) {
    for (auto &[name, text] : texts) {
        text = sha256(text);
    }
    return texts;
}

} // namespace

Result<json> file_identity(const fs::path &path) {
    const Fd file = TRY(open_file(path, O_RDONLY));
    struct stat status{};
    if (fstat(file.get(), &status) != 0) {
        return fail_errno("stat " + path.string());
    }
    const auto size = static_cast<std::uint64_t>(status.st_size);
    const std::uint64_t edge = std::min(size, kEdge);
    return json{{"path", fs::absolute(path).lexically_normal().string()},
                {"size", size},
                {"modified", {status.st_mtim.tv_sec, status.st_mtim.tv_nsec}},
                {"first", sha256(TRY(read_part(file, path, 0, edge)))},
                {"last", sha256(TRY(read_part(file, path, size - edge, edge)))}};
}

Result<std::string> snapshot_key(const MachineOptions &options, const json &environment) {
    json all = {{"format", kFormat},
                {"environment", environment},
                {"image", TRY(file_identity(options.image))},
                {"disk_size", options.disk_size},
                {"firmware", static_cast<int>(options.firmware)},
                {"memory", options.memory},
                {"cpus", options.cpus},
                {"disk_bus", static_cast<int>(options.disk_bus)},
                {"network_card", static_cast<int>(options.network_card)},
                {"credentials", digests(options.credentials)},
                {"console_login", options.console_login}};
    // Forwarded ports are left out: they are the host's business and differ from start to start.
    if (options.direct_kernel) {
        all["kernel"] = TRY(file_identity(options.direct_kernel->kernel));
        all["command_line"] = options.direct_kernel->command_line;
        if (!options.direct_kernel->initrd.empty()) {
            all["initrd"] = TRY(file_identity(options.direct_kernel->initrd));
        }
    }
    if (!options.seed.empty()) {
        all["seed"] = digests(TRY(read_seed(options.seed)));
    }
    return sha256(all.dump()).substr(0, 32);
}

} // namespace ballast::vm
