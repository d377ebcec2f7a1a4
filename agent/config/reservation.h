// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/config/fields.h"
#include "agent/pods/quantity.h"
#include "base/result.h"

// What of the machine pods do not get, and when it is short of something.
namespace ballast::agent {

// "100Mi", or "10%" of the whole.
struct Threshold {
    std::int64_t amount = 0;              // bytes, or how many
    std::optional<Quantity> percent = {}; // takes its place
    std::int64_t of(std::int64_t whole) const;
};

struct Reservation {
    using Amounts = std::map<std::string, Quantity>; // of cpu, memory, ephemeral-storage, pid
    using Thresholds = std::map<std::string, Threshold>;

    Amounts kube = {}, system = {}; // kubeReserved, systemReserved
    std::int64_t processors = 0;    // reservedSystemCPUs: as many are kept in place of what those say of cpu; 0: none
    // evictionHard; nothing: kubelet's defaults, which `merges` adds to what is given, too.
    std::optional<Thresholds> eviction = {};
    bool merges = false;
    std::vector<std::string> enforced = {"pods"}; // enforceNodeAllocatable

    // For the two of them together, in thousandths.
    std::int64_t milli(const std::string &resource) const;
    // How much of `whole` must be left of what that signal ("memory.available") is about; 0: it does not matter.
    std::int64_t least(const std::string &signal, std::int64_t whole) const;
    // Pods together are held to what is left.
    bool holds_pods() const;
};

// What pods may have of a machine, as the Node says it.
struct Allocatable {
    std::int64_t milli_cpu = 0, memory = 0, storage = 0; // bytes
};
// `whole`: all of the machine.
Allocatable allocatable(const Reservation &reservation, const Allocatable &whole);

// The fields of KubeletConfiguration that say it.
std::vector<Field> reservation_fields(Reservation &reservation);

// As flags write them: "cpu=100m,memory=1Gi", "memory.available<100Mi,nodefs.available<10%", "0-1,3". EINVAL with what
// is wanted.
Result<Reservation::Amounts> parse_amounts(const std::string &text);
Result<Reservation::Thresholds> parse_thresholds(const std::string &text);
Result<std::int64_t> count_processors(const std::string &text);
Status check_enforced(const std::vector<std::string> &words);

} // namespace ballast::agent
