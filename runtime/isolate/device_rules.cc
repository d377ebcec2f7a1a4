// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/device_rules.h"

#include <cstddef>
#include <limits>
#include <optional>
#include <string>

#include "base/quote.h"
#include "runtime/bpf/instructions.h"

namespace ballast::isolate {
namespace {

constexpr unsigned kAllAccess = BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD;
constexpr std::int64_t kAnyNumber = -1; // as some engines write "absent"
// Comparing every rule with every other is for lists of a sane length; longer ones work, with a longer program.
constexpr std::size_t kCompareAtMost = 512;

struct Rule {
    bool allow = false;
    unsigned type = 0; // BPF_DEVCG_DEV_*; 0: any
    std::optional<std::uint32_t> major, minor;
    unsigned access = 0;

    bool names_everything() const { return type == 0 && !major && !minor && access == kAllAccess; }
    // Whether nothing that `other` decides is left to decide once this one, which comes first, is through.
    bool covers(const Rule &other) const {
        return (type == 0 || type == other.type) && (!major || major == other.major) &&
               (!minor || minor == other.minor) && (other.access & ~access) == 0;
    }
};

Result<std::optional<std::uint32_t>> number(const std::optional<std::int64_t> &given, const std::string &where) {
    if (!given.has_value() || *given == kAnyNumber) {
        return std::optional<std::uint32_t>();
    }
    if (*given < 0 || *given > std::numeric_limits<std::uint32_t>::max()) {
        return fail(EINVAL, where + ": no device number: " + std::to_string(*given));
    }
    return std::optional(static_cast<std::uint32_t>(*given));
}

Result<Rule> read_rule(const oci::DeviceRule &given, std::size_t index) {
    const std::string where = "linux.resources.devices[" + std::to_string(index) + "]";
    Rule rule;
    rule.allow = given.allow;
    switch (given.type) {
    case 'a':
        break;
    case 'c':
        rule.type = BPF_DEVCG_DEV_CHAR;
        break;
    case 'b':
        rule.type = BPF_DEVCG_DEV_BLOCK;
        break;
    default:
        return fail(EINVAL, where + ".type: want a, b or c, have " + quote({&given.type, 1}));
    }
    for (char letter : given.access) {
        switch (letter) {
        case 'r':
            rule.access |= BPF_DEVCG_ACC_READ;
            break;
        case 'w':
            rule.access |= BPF_DEVCG_ACC_WRITE;
            break;
        case 'm':
            rule.access |= BPF_DEVCG_ACC_MKNOD;
            break;
        default:
            return fail(EINVAL, where + ".access: want letters of rwm, have " + quote(given.access));
        }
    }
    rule.major = TRY(number(given.major, where + ".major"));
    rule.minor = TRY(number(given.minor, where + ".minor"));
    return rule;
}

bool is_covered(const std::vector<Rule> &before, const Rule &rule) {
    if (before.size() > kCompareAtMost) {
        return false;
    }
    for (const Rule &earlier : before) {
        if (earlier.covers(rule)) {
            return true;
        }
    }
    return false;
}

// In the order in which the program asks: the last one first. Whatever no rule decided is `otherwise`.
struct Questions {
    std::vector<Rule> rules;
    bool otherwise = false;
    bool only_defaults = false;
};

void ask(Questions &questions, const Rule &rule) {
    if (rule.access != 0 && !is_covered(questions.rules, rule)) {
        questions.rules.push_back(rule);
    }
}

Result<Questions> questions_of(const std::vector<oci::DeviceRule> &given) {
    Questions questions;
    const std::vector<oci::DeviceRule> &added = default_device_rules();
    for (std::size_t place = added.size(); place-- > 0;) {
        ask(questions, TRY(read_rule(added[place], place)));
    }
    const std::size_t defaults = questions.rules.size();
    bool decided = false; // rules in front of one that names everything say nothing; they are checked all the same
    for (std::size_t place = given.size(); place-- > 0;) {
        Rule rule = TRY(read_rule(given[place], place));
        if (!decided && rule.names_everything()) {
            questions.otherwise = rule.allow;
            decided = true;
        } else if (!decided) {
            ask(questions, rule);
        }
    }
    while (!questions.rules.empty() && questions.rules.back().allow == questions.otherwise) {
        questions.rules.pop_back(); // the end says the same
    }
    questions.only_defaults = questions.rules.size() == defaults && !questions.otherwise;
    return questions;
}

// What the program keeps where. R1 is the context on entry.
constexpr int kResult = BPF_REG_0;
constexpr int kContext = BPF_REG_1;
constexpr int kType = BPF_REG_2;
constexpr int kAccess = BPF_REG_3; // the kinds that no rule has granted yet
constexpr int kMajor = BPF_REG_4;
constexpr int kMinor = BPF_REG_5;
constexpr int kScratch = BPF_REG_6;

using bpf::compute;
using bpf::copy;
using bpf::jump;

bpf_insn load(int destination, std::size_t field) { return bpf::load(destination, kContext, static_cast<int>(field)); }

void answer(std::vector<bpf_insn> &program, bool allow) {
    program.push_back(bpf::set(kResult, allow ? 1 : 0));
    program.push_back(bpf::leave());
}

// What happens once a rule's device is the one that is asked for.
std::vector<bpf_insn> decision(const Rule &rule) {
    std::vector<bpf_insn> body;
    if (rule.access == kAllAccess) {
        answer(body, rule.allow);
        return body;
    }
    constexpr std::size_t kAnswer = 2;
    if (rule.allow) {
        body.push_back(compute(BPF_AND, kAccess, kAllAccess & ~rule.access));
        body.push_back(jump(BPF_JNE, kAccess, 0, kAnswer));
    } else {
        body.push_back(copy(kScratch, kAccess));
        body.push_back(compute(BPF_AND, kScratch, rule.access));
        body.push_back(jump(BPF_JEQ, kScratch, 0, kAnswer));
    }
    answer(body, rule.allow);
    return body;
}

void append(std::vector<bpf_insn> &program, const Rule &rule) {
    const std::vector<bpf_insn> body = decision(rule);
    std::size_t tests = (rule.type != 0 ? 1U : 0U) + (rule.major ? 1U : 0U) + (rule.minor ? 1U : 0U);
    const auto unless_equal = [&](int what, std::uint32_t value) {
        tests--;
        program.push_back(jump(BPF_JNE, what, value, tests + body.size()));
    };
    if (rule.type != 0) {
        unless_equal(kType, rule.type);
    }
    if (rule.major) {
        unless_equal(kMajor, *rule.major);
    }
    if (rule.minor) {
        unless_equal(kMinor, *rule.minor);
    }
    program.insert(program.end(), body.begin(), body.end());
}

oci::DeviceRule allowed(char type, std::optional<std::int64_t> major, std::optional<std::int64_t> minor,
                        const char *access = "rwm") {
    return {.allow = true, .type = type, .major = major, .minor = minor, .access = access};
}

} // namespace

const std::vector<oci::DeviceRule> &default_device_rules() {
    // Making a node is harmless while using it is not allowed, and images unpack with them.
    static const std::vector<oci::DeviceRule> rules = {
        allowed('c', {}, {}, "m"), allowed('b', {}, {}, "m"), allowed('c', 1, 3), // null
        allowed('c', 1, 8),                                                       // random
        allowed('c', 1, 7),                                                       // full
        allowed('c', 5, 0),                                                       // tty
        allowed('c', 1, 5),                                                       // zero
        allowed('c', 1, 9),                                                       // urandom
        allowed('c', 5, 1),                                                       // console
        allowed('c', 136, {}),                                                    // pts
        allowed('c', 5, 2),                                                       // ptmx
        allowed('c', 10, 200),                                                    // net/tun
    };
    return rules;
}

Result<DeviceProgram> compile_device_rules(const std::vector<oci::DeviceRule> &rules) {
    const Questions questions = TRY(questions_of(rules));
    if (questions.rules.empty() && questions.otherwise) {
        return DeviceProgram{.everything_allowed = true, .only_defaults = false, .instructions = {}};
    }
    std::vector<bpf_insn> program;
    // One word: the type in the lower half, the kinds of access in the upper.
    program.push_back(load(kType, offsetof(bpf_cgroup_dev_ctx, access_type)));
    program.push_back(copy(kAccess, kType));
    program.push_back(compute(BPF_AND, kType, 0xffff));
    program.push_back(compute(BPF_RSH, kAccess, 16));
    program.push_back(load(kMajor, offsetof(bpf_cgroup_dev_ctx, major)));
    program.push_back(load(kMinor, offsetof(bpf_cgroup_dev_ctx, minor)));
    for (const Rule &rule : questions.rules) {
        append(program, rule);
    }
    answer(program, questions.otherwise);
    return DeviceProgram{
        .everything_allowed = false, .only_defaults = questions.only_defaults, .instructions = std::move(program)};
}

} // namespace ballast::isolate
