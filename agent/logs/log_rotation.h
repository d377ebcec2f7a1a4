// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>

#include "base/result.h"

// Logs are turned as kubelet does it:
//   0.log                        what the runtime writes to
//   0.log.20240506-070809        what it wrote to before, until that time (UTC)
//   0.log.20240505-070809.gz     what is older
//   0.log.20240505-070809.tmp    what is being compressed; of one who was killed: nothing
// `directory` holds all logs of the node; `file` is below it and no link leads out of there.
namespace ballast::agent {

struct LogLimits {
    std::int64_t bytes = 10LL << 20; // a log that has so many is turned; less than zero: none is
    std::size_t files = 5;           // of one container, the one that is written to among them; two at least
};

// Of a container that runs: a log that is large enough takes another name, `reopen` has the runtime begin a new one.
// When that fails the log has its name again. Who is killed in between has nothing lost: the next call goes on.
// `now`: nanoseconds since 1970.
Status rotate_log(const std::filesystem::path &directory, const std::filesystem::path &file, const LogLimits &limits,
                  std::int64_t now, const std::function<Status()> &reopen);

// Of a container that has ended: the log that somebody had turned who was killed then has its name again.
Status mend_log(const std::filesystem::path &directory, const std::filesystem::path &file);

// The log and what was turned of it. Missing is fine.
Status remove_logs(const std::filesystem::path &directory, const std::filesystem::path &file);

} // namespace ballast::agent
