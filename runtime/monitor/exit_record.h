// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/monitor/protocol.h"

// What a monitor leaves behind: how the container ended, as JSON in one line, replaced atomically (base/file_io.h).
namespace ballast::monitor {

struct ExitRecord {
    std::uint32_t pid = 0;
    End end;
    std::uint64_t oom_kills = 0; // in the container's cgroup; more than 0: docker's OOMKilled
    std::uint64_t lost_log_bytes = 0;
    bool stopped = false; // by kStop (settings.h): the machine shuts down, which no restart policy undoes
    bool operator==(const ExitRecord &) const = default;
};

std::string exit_record_text(const ExitRecord &record);
// Strict; EINVAL when anything is missing, unknown or out of range. `name` stands in messages.
Result<ExitRecord> parse_exit_record(std::string_view text, const std::string &name);

} // namespace ballast::monitor
