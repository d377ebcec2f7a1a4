// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/usage.h"

#include <algorithm>
#include <fcntl.h>

#include "base/file_io.h"

namespace ballast::engine {
namespace {

constexpr std::int64_t kWindow = 1'000'000'000; // nanoseconds: the shortest that a rate is taken of

void add(isolate::Statistics::MemoryUse &sum, const isolate::Statistics::MemoryUse &part) {
    sum.usage += part.usage;
    sum.limit = ~std::uint64_t{0};
}

} // namespace

std::uint64_t measure(Meter &meter, Time started, Time now, std::uint64_t processor_time) {
    if (meter.read == kNever || processor_time < meter.processor_time) { // less than before: it was started anew
        meter = {.read = started, .processor_time = 0, .nano_cores = 0};
    }
    const std::int64_t window = (now - meter.read).count();
    const bool first = meter.read == started;
    if (window <= 0 || (window < kWindow && !first)) {
        return meter.nano_cores;
    }
    const double used = static_cast<double>(processor_time - meter.processor_time);
    const auto rate = static_cast<std::uint64_t>(used * kWindow / static_cast<double>(window));
    meter = {.read = now, .processor_time = processor_time, .nano_cores = rate};
    return rate;
}

Result<isolate::Statistics> read_cgroup(const std::filesystem::path &directory) {
    const isolate::CgroupDir cgroup(TRY(open_file(directory, O_RDONLY | O_DIRECTORY)), directory.string());
    return isolate::read_statistics(cgroup);
}

void add(isolate::Statistics &sum, const isolate::Statistics &part) {
    sum.cpu.total += part.cpu.total;
    sum.cpu.user += part.cpu.user;
    sum.cpu.kernel += part.cpu.kernel;
    add(sum.memory.memory, part.memory.memory);
    add(sum.memory.swap, part.memory.swap);
    for (const auto &[key, value] : part.memory.raw) {
        sum.memory.raw[key] += value;
    }
    sum.pids += part.pids;
}

bool is_slice_of(const std::string &slice, const std::string &pod_uid) {
    std::string uid = pod_uid;
    std::ranges::replace(uid, '-', '_'); // which is a level of slices
    return !uid.empty() && slice.ends_with("pod" + uid + ".slice");
}

} // namespace ballast::engine
