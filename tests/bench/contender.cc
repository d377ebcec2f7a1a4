// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/contender.h"

#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/file_io.h"

namespace ballast::bench {

Result<bool> recall_sizes(Contender &contender, const std::filesystem::path &record) {
    if (!std::filesystem::exists(record) || !std::filesystem::exists(contender.disk)) {
        return false;
    }
    const nlohmann::json sizes = nlohmann::json::parse(TRY(read_file(record)), nullptr, false);
    for (const char *key : {"tree_bytes", "disk_bytes"}) {
        if (!sizes.is_object() || !sizes.contains(key) || !sizes[key].is_number_unsigned()) {
            return false;
        }
    }
    if (sizes.value("sha256", nlohmann::json()) != TRY(sha256_file(contender.disk))) {
        return false;
    }
    contender.tree_bytes = sizes["tree_bytes"].get<std::uint64_t>();
    contender.disk_bytes = sizes["disk_bytes"].get<std::uint64_t>();
    return true;
}

Status record_sizes(const Contender &contender, const std::filesystem::path &record) {
    const nlohmann::ordered_json sizes = {{"sha256", TRY(sha256_file(contender.disk))},
                                          {"tree_bytes", contender.tree_bytes},
                                          {"disk_bytes", contender.disk_bytes}};
    return replace_file(record, sizes.dump(1) + "\n");
}

} // namespace ballast::bench
