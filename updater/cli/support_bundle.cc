// SPDX-License-Identifier: Apache-2.0
#include "updater/support/bundle.h"

#include <cstdio>
#include <ctime>
#include <format>
#include <unistd.h>

#include "base/quote.h"
#include "updater/cli/commands.h"
#include "updater/engine_api.h"
#include "updater/space.h"

namespace ballast::updater::cli {
namespace {

constexpr const char *kDirectory = "/var/tmp";

std::string new_file() {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    gmtime_r(&now, &utc);
    char stamp[32]; // "20260701T101112Z"
    (void)std::strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &utc);
    return std::format("{}/ballast-support-{}.tar.zst", kDirectory, stamp);
}

} // namespace

int support_bundle(const std::string &output, int boots) {
    if (geteuid() != 0) {
        (void)std::fputs("ballast: support-bundle is for root: it reads the whole journal\n", stderr);
        return kFailed;
    }
    const std::string file = output.empty() ? new_file() : output;
    const EngineApi engine;
    const Result<support::Bundle> bundle = support::write_bundle(
        support::bundle_parts(boots), [&](const std::string &target) { return engine.get(target); }, file);
    if (!bundle.has_value()) {
        (void)std::fprintf(stderr, "ballast: %s\n", escaped(bundle.error().message).c_str());
        return kFailed;
    }
    for (const std::string &missing : bundle->missing) {
        (void)std::fprintf(stderr, "not in it: %s\n", escaped(missing).c_str());
    }
    std::printf("%s (%s): look through it before you pass it on\n", escaped(file).c_str(),
                size_text(bundle->size).c_str());
    return kDone;
}

} // namespace ballast::updater::cli
