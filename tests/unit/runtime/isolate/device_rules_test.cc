// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/device_rules.h"

#include <algorithm>
#include <random>

#include "tests/unit/check.h"
#include "tests/unit/runtime/isolate/bpf_evaluator.h"

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" // what a test does not name is not given

namespace ballast::isolate {
namespace {

using Rules = std::vector<oci::DeviceRule>;

constexpr unsigned kChar = BPF_DEVCG_DEV_CHAR, kBlock = BPF_DEVCG_DEV_BLOCK;

oci::DeviceRule rule(bool allow, char type = 'a', std::optional<std::int64_t> major = {},
                     std::optional<std::int64_t> minor = {}, std::string access = "rwm") {
    return {.allow = allow, .type = type, .major = major, .minor = minor, .access = std::move(access)};
}
const oci::DeviceRule kDenyAll = rule(false);
const oci::DeviceRule kAllowAll = rule(true);

struct Request {
    unsigned type = BPF_DEVCG_DEV_CHAR;
    std::uint32_t major = 0, minor = 0;
    unsigned access = BPF_DEVCG_ACC_READ;
};

// What the rules mean, the slow way: each kind of access on its own, the last rule that names it decides.
bool model(const Rules &given, const Request &request) {
    Rules rules = given;
    rules.insert(rules.end(), default_device_rules().begin(), default_device_rules().end());
    const auto names = [&](const oci::DeviceRule &one, unsigned kind, char letter) {
        const unsigned type = one.type == 'c' ? kChar : one.type == 'b' ? kBlock : 0U;
        return (request.access & kind) != 0 && one.access.contains(letter) && (type == 0 || type == request.type) &&
               (!one.major || *one.major == -1 || *one.major == request.major) &&
               (!one.minor || *one.minor == -1 || *one.minor == request.minor);
    };
    const std::pair<unsigned, char> kinds[] = {
        {BPF_DEVCG_ACC_READ, 'r'}, {BPF_DEVCG_ACC_WRITE, 'w'}, {BPF_DEVCG_ACC_MKNOD, 'm'}};
    for (const auto &[kind, letter] : kinds) {
        if ((request.access & kind) == 0) {
            continue;
        }
        bool granted = false;
        for (const oci::DeviceRule &one : rules) {
            granted = names(one, kind, letter) ? one.allow : granted;
        }
        if (!granted) {
            return false;
        }
    }
    return true;
}

bool run(const DeviceProgram &program, const Request &request) {
    if (program.everything_allowed) {
        return true;
    }
    return BpfEvaluator(program.instructions)
               .run({.access_type = (request.access << 16U) | request.type,
                     .major = request.major,
                     .minor = request.minor}) == 1;
}

bool allows(const Rules &rules, const Request &request) { return run(must(compile_device_rules(rules)), request); }

// Every request over the numbers that matter.
void check_everywhere(const Rules &rules, const std::vector<std::uint32_t> &numbers) {
    const DeviceProgram program = must(compile_device_rules(rules));
    for (const unsigned type : {BPF_DEVCG_DEV_CHAR, BPF_DEVCG_DEV_BLOCK}) {
        for (const std::uint32_t major : numbers) {
            for (const std::uint32_t minor : numbers) {
                for (unsigned access = 1; access < 8; access++) {
                    const Request request{.type = type, .major = major, .minor = minor, .access = access};
                    if (run(program, request) != model(rules, request)) {
                        FAIL("type " << type << " " << major << ":" << minor << " access " << access << ": want "
                                     << model(rules, request));
                    }
                }
            }
        }
    }
}

constexpr unsigned kRead = BPF_DEVCG_ACC_READ, kWrite = BPF_DEVCG_ACC_WRITE, kMknod = BPF_DEVCG_ACC_MKNOD;

} // namespace

TEST_CASE("without rules only the devices that every container has are allowed", "[cgroup]") {
    CHECK(allows({}, {.major = 1, .minor = 3, .access = kRead | kWrite}));
    CHECK(allows({}, {.major = 136, .minor = 77, .access = kRead | kWrite}));
    CHECK(allows({}, {.type = BPF_DEVCG_DEV_BLOCK, .major = 8, .minor = 0, .access = kMknod}));
    CHECK_FALSE(allows({}, {.type = BPF_DEVCG_DEV_BLOCK, .major = 8, .minor = 0, .access = kRead}));
    CHECK_FALSE(allows({}, {.major = 1, .minor = 1, .access = kRead}));
    CHECK_FALSE(allows({}, {.major = 1, .minor = 1, .access = kRead | kMknod}));
}

TEST_CASE("a list that allows everything needs no program", "[cgroup]") {
    CHECK(must(compile_device_rules({kDenyAll, kAllowAll})).everything_allowed);
    CHECK(must(compile_device_rules({rule(false, 'c', 1, 1), kAllowAll, rule(true, 'b', 8, {}, "r")}))
              .everything_allowed);
    CHECK(must(compile_device_rules({rule(true, 'a', -1, -1)})).everything_allowed);
    CHECK_FALSE(must(compile_device_rules({kAllowAll, rule(false, 'c', 1, 1, "w")})).everything_allowed);
    CHECK_FALSE(must(compile_device_rules({rule(true, 'a', {}, {}, "rw")})).everything_allowed);
}

TEST_CASE("the last device rule that matches decides", "[cgroup]") {
    const Rules rules = {kDenyAll, rule(true, 'b', 8, {}), rule(false, 'b', 8, 1), rule(true, 'b', 8, 1, "r")};
    CHECK(allows(rules, {.type = BPF_DEVCG_DEV_BLOCK, .major = 8, .minor = 0, .access = kRead | kWrite}));
    CHECK(allows(rules, {.type = BPF_DEVCG_DEV_BLOCK, .major = 8, .minor = 1, .access = kRead}));
    CHECK_FALSE(allows(rules, {.type = BPF_DEVCG_DEV_BLOCK, .major = 8, .minor = 1, .access = kWrite}));
    CHECK_FALSE(allows(rules, {.major = 8, .minor = 0, .access = kRead}));
}

TEST_CASE("a device that may not be written cannot be opened for reading and writing", "[cgroup]") {
    // A rule that is compared with the whole request would not match, and the earlier one would let it through.
    const Rules rules = {kAllowAll, rule(false, 'c', 10, 1, "w")};
    CHECK_FALSE(allows(rules, {.major = 10, .minor = 1, .access = kWrite}));
    CHECK_FALSE(allows(rules, {.major = 10, .minor = 1, .access = kRead | kWrite}));
    CHECK(allows(rules, {.major = 10, .minor = 1, .access = kRead}));
}

TEST_CASE("two device rules may grant reading and writing together", "[cgroup]") {
    const Rules rules = {kDenyAll, rule(true, 'c', 10, 1, "r"), rule(true, 'c', 10, 1, "w")};
    CHECK(allows(rules, {.major = 10, .minor = 1, .access = kRead | kWrite}));
    CHECK(allows(rules, {.major = 10, .minor = 1, .access = kRead | kWrite | kMknod}));
    CHECK_FALSE(allows(rules, {.major = 10, .minor = 2, .access = kRead | kWrite}));
}

TEST_CASE("device numbers from 2^31 on are compared whole", "[cgroup]") {
    const Rules rules = {kDenyAll, rule(true, 'c', 0x80000001, 0xffffffff)};
    CHECK(allows(rules, {.major = 0x80000001, .minor = 0xffffffff, .access = kRead}));
    CHECK_FALSE(allows(rules, {.major = 1, .minor = 0xffffffff, .access = kRead}));
}

TEST_CASE("device rules that cannot be are refused with their place", "[cgroup]") {
    CHECK(error_of(compile_device_rules({kDenyAll, rule(true, 'x')})).message ==
          R"(linux.resources.devices[1].type: want a, b or c, have "x")");
    CHECK(error_of(compile_device_rules({rule(true, 'c', 1, 2, "rx")})).message ==
          R"(linux.resources.devices[0].access: want letters of rwm, have "rx")");
    CHECK(error_of(compile_device_rules({rule(true, 'c', -2)})).message ==
          "linux.resources.devices[0].major: no device number: -2");
    CHECK(error_of(compile_device_rules({rule(true, 'c', 1, 1LL << 32)})).code == EINVAL);
    CHECK(error_of(compile_device_rules({rule(true, 'c', 1LL << 40), kAllowAll})).code == EINVAL);
}

TEST_CASE("device programs agree with the plain model on every request", "[cgroup]") {
    const std::vector<std::uint32_t> numbers = {0, 1, 2, 3, 5, 7, 8, 9, 10, 136, 200, 0x7fffffff, 0xffffffff};
    for (const Rules &rules :
         {Rules{}, Rules{kDenyAll}, Rules{kAllowAll}, Rules{kAllowAll, rule(false, 'b')},
          Rules{kDenyAll, rule(true, 'c', 10, 200, "rw"), rule(false, 'c', 10, {}, "w"), rule(true, 'a', 10, {}, "m")},
          Rules{kAllowAll, rule(false, 'a', {}, 3, "rw"), rule(true, 'c', 5, {}, "r")}}) {
        check_everywhere(rules, numbers);
    }
}

TEST_CASE("device programs of random rules agree with the plain model", "[cgroup]") {
    std::minstd_rand random(20); // the same lists every time
    const auto below = [&random](unsigned most) { return static_cast<unsigned>(random() % most); };
    const std::vector<std::uint32_t> numbers = {0, 1, 2, 3, 5, 10, 200};
    const auto number = [&]() -> std::optional<std::int64_t> {
        return below(3) == 0 ? std::nullopt : std::optional<std::int64_t>(numbers[below(7)]);
    };
    for (int list = 0; list < 300; list++) {
        Rules rules;
        for (unsigned left = below(12); left > 0; left--) {
            std::string access;
            for (const char letter : std::string("rwm")) {
                access += below(3) != 0 ? std::string(1, letter) : "";
            }
            rules.push_back(rule(below(2) == 0, "acb"[below(3)], number(), number(), access));
        }
        check_everywhere(rules, numbers);
    }
}

TEST_CASE("rules that decide nothing any more do not make the device program longer", "[cgroup]") {
    const std::size_t bare = must(compile_device_rules({kDenyAll})).instructions.size();
    Rules doubled = {rule(true, 'b', 8, 0), kDenyAll};
    doubled.insert(doubled.end(), default_device_rules().begin(), default_device_rules().end());
    CHECK(must(compile_device_rules(doubled)).instructions.size() == bare);
    CHECK(must(compile_device_rules({})).instructions.size() == bare);
    CHECK(must(compile_device_rules(doubled)).only_defaults);
    CHECK(must(compile_device_rules({})).only_defaults);
    CHECK_FALSE(must(compile_device_rules({kDenyAll, rule(true, 'c', 1, 11)})).only_defaults);
    CHECK_FALSE(must(compile_device_rules({kAllowAll, rule(false, 'c', 1, 11)})).only_defaults);
    CHECK_FALSE(must(compile_device_rules({kAllowAll})).only_defaults);
}

TEST_CASE("a list of thousands of device rules compiles", "[cgroup]") {
    Rules rules = {kDenyAll};
    for (int minor = 0; minor < 5000; minor++) {
        rules.push_back(rule(true, 'c', 240, minor, "rw"));
    }
    const DeviceProgram program = must(compile_device_rules(rules));
    CHECK(run(program, {.major = 240, .minor = 0, .access = kRead}));
    CHECK(run(program, {.major = 240, .minor = 4999, .access = kWrite}));
    CHECK_FALSE(run(program, {.major = 240, .minor = 5000, .access = kRead}));
}

} // namespace ballast::isolate
