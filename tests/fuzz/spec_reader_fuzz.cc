// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json/json_tree.h"
#include "runtime/oci/spec_names.h"
#include "runtime/oci/spec_reader.h"
#include "tests/fuzz/fuzzer.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::oci;

namespace {

std::vector<std::string> words() {
    std::vector<std::string> words = {"path",   "type",    "names",   "args",       "options", "uid",
                                      "source", "sysctl",  "limit",   "/proc/self", "user",    "net.ipv4.x",
                                      "time",   "unified", "seccomp", "rbind",      "idmap",   "memory.max"};
    for (NameTable table : {hook_names(), namespace_names(), rlimit_names(), scheduler_policies(), io_classes(),
                            propagation_names(), memory_policy_modes(), memory_policy_flags(), seccomp_actions(),
                            seccomp_operators(), seccomp_architectures(), seccomp_flags()}) {
        for (const NamedNumber &entry : table) {
            words.emplace_back(entry.name);
        }
    }
    return words;
}

// What all three readers promise, whatever the text.
template <typename Parsed>
fuzz::Verdict judge(std::string_view input, const std::function<Result<Parsed>(std::string_view)> &parse,
                    const std::function<std::string(const Parsed &)> &promises) {
    // The parser below the reader agrees with nlohmann's own about what JSON is, but for its limits.
    Result<JsonTree> tree = JsonTree::parse(input, "f");
    bool limited = !tree.has_value() && (tree.error().message.contains("nested deeper than") ||
                                         tree.error().message.contains("more than") || tree.error().code == EFBIG);
    if (!limited && tree.has_value() != nlohmann::json::accept(input)) {
        return {false, "disagrees about whether it is JSON"};
    }
    Result<Parsed> parsed = parse(input);
    if (!parsed.has_value()) {
        const Error &error = parsed.error();
        if (error.code != EINVAL && error.code != EFBIG) {
            return {false, "a code that is neither EINVAL nor EFBIG"};
        }
        return {false, error.message.starts_with("f: ") ? fuzz::bad_message(error.message) : "a message without name"};
    }
    std::string normal = nlohmann::json::parse(input).dump();
    if (Result<Parsed> again = parse(normal); !again.has_value()) {
        return {true, "refuses its own normal form: " + again.error().message};
    }
    return {true, promises(*parsed)};
}

bool is_path(const std::string &text) { return text.starts_with('/') && !text.contains('\0'); }

std::string broken_by_process(const Process &process) {
    if (process.args.empty() || !is_path(process.cwd)) {
        return "a process without program or directory";
    }
    constexpr std::uint32_t kNoId = ~std::uint32_t{0};
    if (process.user.uid == kNoId || process.user.gid == kNoId ||
        std::ranges::contains(process.user.additional_gids, kNoId)) {
        return "an id that is none";
    }
    auto has_nul = [](const std::string &text) { return text.contains('\0'); };
    if (std::ranges::any_of(process.args, has_nul) || std::ranges::any_of(process.env, has_nul)) {
        return "a NUL byte";
    }
    bool limits_in_order = std::ranges::all_of(process.rlimits, [](const Rlimit &l) { return l.soft <= l.hard; });
    return limits_in_order ? "" : "a soft limit over the hard one";
}

std::string broken_by_resources(const Resources &resources) {
    for (const auto &[name, value] : resources.unified) {
        if (name.contains('/') || name.starts_with('.') || value.contains('\0')) {
            return "a unified key that leaves the cgroup";
        }
    }
    for (const DeviceRule &rule : resources.devices) {
        if (rule.access.empty() || !std::string_view("acb").contains(rule.type)) {
            return "an incomplete device rule";
        }
    }
    return "";
}

std::string broken_by_spec(const Spec &spec) {
    for (const std::string &warning : spec.warnings) {
        if (std::string problem = fuzz::bad_message(warning); !problem.empty()) {
            return "warnings: " + problem;
        }
    }
    if (spec.root.path.empty() || !spec.version.starts_with("1.")) {
        return "no root or version";
    }
    for (const Mount &mount : spec.mounts) {
        if (!is_path(mount.destination) || mount.uid_mappings.empty() != mount.gid_mappings.empty()) {
            return "an incomplete mount";
        }
    }
    for (const Hook &hook : spec.hooks.create_runtime) {
        if (!is_path(hook.path) || hook.timeout.value_or(1) <= 0) {
            return "an incomplete hook";
        }
    }
    for (const auto &[name, value] : spec.linux_.sysctl) {
        if (name.starts_with("kernel.core") || name.contains("..") || name.contains("//")) {
            return "a kernel parameter of the host";
        }
    }
    std::string problem = broken_by_resources(spec.linux_.resources);
    return problem.empty() && spec.process ? broken_by_process(*spec.process) : problem;
}

} // namespace

TEST_CASE("the reader of config.json keeps its promises for any text", "[fuzz]") {
    fuzz::check({.name = "spec",
                 .corpus = "tests/fuzz/corpus/spec",
                 .parse =
                     [](std::string_view input) {
                         return judge<Spec>(
                             input, [](std::string_view text) { return parse_spec(text, "f"); }, broken_by_spec);
                     },
                 .duration = std::chrono::seconds(12),
                 .words = words()});
}

TEST_CASE("the reader of a process keeps its promises for any text", "[fuzz]") {
    fuzz::check({.name = "process",
                 .corpus = "tests/fuzz/corpus/process",
                 .parse =
                     [](std::string_view input) {
                         return judge<Process>(
                             input, [](std::string_view text) { return parse_process(text, "f"); }, broken_by_process);
                     },
                 .duration = std::chrono::seconds(4),
                 .words = words()});
}

TEST_CASE("the reader of resources keeps its promises for any text", "[fuzz]") {
    fuzz::check({.name = "resources",
                 .corpus = "tests/fuzz/corpus/resources",
                 .parse =
                     [](std::string_view input) {
                         return judge<Resources>(
                             input, [](std::string_view text) { return parse_resources(text, "f"); },
                             broken_by_resources);
                     },
                 .duration = std::chrono::seconds(4),
                 .words = words()});
}
