// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace ballast::peers {

// Of a suite that is written with Ginkgo, by its JSON report: counts what became of its specs, on stdout, and checks
// that none of them failed and some passed. Each that failed is told with its reason.
void check_ginkgo_report(const std::filesystem::path &file);

} // namespace ballast::peers
