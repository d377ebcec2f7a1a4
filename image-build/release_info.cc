// SPDX-License-Identifier: Apache-2.0
#include "image-build/release_info.h"

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <format>
#include <regex>

#include "base/subprocess.h"

namespace ballast::image_build {
namespace {

constexpr long long kLatest = 253402300799; // 9999-12-31: dates are written with four digits for the year

Result<std::string> git(const std::filesystem::path &directory, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "git");
    std::string output = TRY(run_checked({.arguments = std::move(arguments), .directory = directory}));
    while (output.ends_with('\n')) {
        output.pop_back();
    }
    return output;
}

Result<long long> parse_epoch(const std::string &text, const std::string &origin) {
    long long epoch = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), epoch);
    if (error != std::errc{} || end != text.data() + text.size() || epoch < 0 || epoch > kLatest) {
        return fail(EINVAL, origin + " is not a number of seconds since 1970, before the year 10000: '" + text + "'");
    }
    return epoch;
}

// Fields of a version are numbers without leading zeros, so that versions compare as SemVer does.
std::string expand(std::string scheme, long long epoch) {
    const std::chrono::sys_seconds time{std::chrono::seconds(epoch)};
    const auto put = [&](const std::string &name, std::string value) {
        value.erase(0, std::min(value.find_first_not_of('0'), value.size() - 1));
        if (const std::size_t at = scheme.find(name); at != std::string::npos) {
            scheme.replace(at, name.size(), value);
        }
    };
    put("{date}", std::format("{:%Y%m%d}", time));
    put("{time}", std::format("{:%H%M%S}", time));
    return scheme;
}

} // namespace

Result<Release> describe_release(const std::filesystem::path &directory, const std::string &scheme,
                                 const std::string &version) {
    Release release{.version = version, .build_id = "unknown", .source_commit = "unknown", .epoch = 0};
    const Result<std::string> commit = git(directory, {"rev-parse", "--verify", "HEAD"});
    if (commit.has_value()) {
        release.source_commit = *commit;
        const bool dirty = !TRY(git(directory, {"status", "--porcelain", "--untracked-files=normal"})).empty();
        release.build_id = commit->substr(0, 12) + (dirty ? "-dirty" : "");
        release.epoch =
            TRY(parse_epoch(TRY(git(directory, {"show", "--no-patch", "--format=%ct", "HEAD"})), "the commit's time"));
    }
    if (const char *epoch = std::getenv("SOURCE_DATE_EPOCH"); epoch != nullptr) {
        release.epoch = TRY(parse_epoch(epoch, "SOURCE_DATE_EPOCH"));
    }
    if (!commit.has_value() && (version.empty() || std::getenv("SOURCE_DATE_EPOCH") == nullptr)) {
        return fail(EINVAL, "this is no git checkout with a commit, so the build has no date and no version: set "
                            "SOURCE_DATE_EPOCH and give --version");
    }
    if (release.version.empty()) {
        release.version = expand(scheme, release.epoch);
    }
    static const std::regex grammar("[0-9]+(\\.[0-9]+){0,3}([-+.][A-Za-z0-9][A-Za-z0-9.-]*)?");
    if (!std::regex_match(release.version, grammar)) {
        return fail(EINVAL,
                    "'" + release.version + "' is not a version: want numbers with dots, such as 1.20260131.120000");
    }
    return release;
}

} // namespace ballast::image_build
