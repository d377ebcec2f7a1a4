// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/intel_rdt.h"

#include <algorithm>
#include <climits>
#include <fcntl.h>
#include <linux/magic.h>
#include <map>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/quote.h"

namespace ballast::isolate {
namespace {

constexpr const char *kMount = "/sys/fs/resctrl";
constexpr mode_t kMode = 0755;
constexpr std::uint64_t kLargestFile = 1UL << 20;

bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= NAME_MAX && name != "." && name != ".." &&
           std::ranges::none_of(name, [](char letter) {
               return letter == '/' || static_cast<unsigned char>(letter) < ' ' || letter == 0x7f;
           });
}

// Directories of resctrl's own, where a class cannot be.
bool is_reserved(std::string_view name) { return name == "info" || name == "mon_groups" || name == "mon_data"; }

Status add_line(std::string &lines, const std::string &line, const char *member, std::string_view start) {
    if (line.empty()) {
        return {};
    }
    if (line.contains('\n') || !line.starts_with(start)) {
        return fail(EINVAL, std::string("linux.intelRdt.") + member + ": want one line that starts with \"" +
                                std::string(start) + "\", have " + quote(line));
    }
    lines += line + "\n";
    return {};
}

class Resctrl {
  public:
    static Result<Resctrl> open(const std::string &root) {
        const std::string path = root.empty() ? kMount : root;
        Fd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        struct statfs about{};
        const bool there = fd.is_open() && (!root.empty() ||
                                            (::fstatfs(fd.get(), &about) == 0 && about.f_type == RDTGROUP_SUPER_MAGIC));
        if (!there) {
            return fail(ENOTSUP, std::string("linux.intelRdt: no resctrl file system is mounted at ") + path +
                                     " (the processor or the kernel lacks it, or nobody mounted it)");
        }
        return Resctrl(std::move(fd));
    }

    // ENOENT as it is, for the caller to look at.
    Result<Fd> group(const std::string &relative) const {
        const int fd = ::openat(fd_.get(), relative.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) {
            return fail_errno("resctrl group " + relative);
        }
        return Fd(fd);
    }

    // Whether it is new.
    Result<bool> make(const std::string &relative) const {
        if (::mkdirat(fd_.get(), relative.c_str(), kMode) == 0) {
            return true;
        }
        if (errno == EEXIST) {
            return false;
        }
        return with_status("resctrl group " + relative, errno); // ENOSPC: the processor has no more classes
    }

    Status write(const std::string &file, const std::string &value) const {
        const int fd = ::openat(fd_.get(), file.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) {
            return fail_errno("resctrl: " + file);
        }
        Fd owned(fd);
        ssize_t written = -1;
        do {
            written = ::write(fd, value.data(), value.size());
        } while (written < 0 && errno == EINTR);
        if (written < 0) {
            return with_status("resctrl: " + file + ": " + quote(value), errno);
        }
        return {};
    }

    Result<std::string> read(const std::string &file) const {
        const int fd = ::openat(fd_.get(), file.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) {
            return fail_errno("resctrl: " + file);
        }
        return read_all(Fd(fd), "resctrl: " + file, kLargestFile);
    }

    Status remove(const std::string &relative) const {
        if (::unlinkat(fd_.get(), relative.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
            return fail_errno("resctrl: remove " + relative);
        }
        return {};
    }

  private:
    explicit Resctrl(Fd fd) : fd_(std::move(fd)) {}

    // The kernel says there what it did not like.
    std::unexpected<Error> with_status(std::string message, int code) const {
        const std::unexpected<Error> failed = fail_errno(message, code);
        Result<std::string> status = read("info/last_cmd_status");
        if (!status.has_value() || status->empty() || *status == "ok\n") {
            return failed;
        }
        return fail(code, failed.error().message + " (" + status->substr(0, status->find('\n')) + ")");
    }

    Fd fd_;
};

std::string below(const std::string &group, const std::string &name) {
    return group == "/" ? name : group + "/" + name;
}

// "L3: 0=00ff;1=f" as {"L3": {"0": "ff", "1": "f"}}.
using Domains = std::map<std::string, std::string, std::less<>>;

std::string plain_value(std::string_view value) {
    value.remove_prefix(std::min(value.find_first_not_of(" 0"), value.size()));
    while (value.ends_with(' ')) {
        value.remove_suffix(1);
    }
    std::string plain = value.empty() ? "0" : std::string(value);
    std::ranges::transform(plain, plain.begin(),
                           [](char letter) { return letter >= 'A' && letter <= 'F' ? char(letter + 32) : letter; });
    return plain;
}

std::map<std::string, Domains, std::less<>> parse_schemata(std::string_view text) {
    std::map<std::string, Domains, std::less<>> lines;
    const auto take = [](std::string_view &from, char at) {
        const std::size_t end = std::min(from.find(at), from.size());
        std::string_view part = from.substr(0, end);
        from.remove_prefix(std::min(end + 1, from.size()));
        return part;
    };
    while (!text.empty()) {
        std::string_view line = take(text, '\n');
        std::string_view resource = take(line, ':');
        resource.remove_prefix(std::min(resource.find_first_not_of(' '), resource.size()));
        Domains &domains = lines[std::string(resource)];
        while (!line.empty()) {
            std::string_view value = take(line, ';');
            const std::string_view domain = take(value, '=');
            domains[plain_value(domain)] = plain_value(value);
        }
    }
    return lines;
}

Status prepare_group(const Resctrl &resctrl, const RdtPlan &plan, RdtPlace &place) {
    const std::string &group = plan.place.group;
    if (group == "/") {
        if (!plan.schemata.empty() && !schemata_match(plan.schemata, TRY(resctrl.read("schemata")))) {
            return fail(EINVAL, "linux.intelRdt: the default class has another schemata, and it is everybody's");
        }
        return {};
    }
    if (plan.schemata.empty() && !plan.place.made) { // closID alone: somebody has set it up
        TRY(resctrl.group(group).within("linux.intelRdt.closID"));
        return {};
    }
    const bool is_new = TRY(resctrl.make(group));
    place.made = plan.place.made && is_new;
    if (plan.schemata.empty()) {
        return {};
    }
    const std::string file = below(group, "schemata");
    if (!is_new && !plan.place.made) { // closID with values: they have to be those in force
        if (!schemata_match(plan.schemata, TRY(resctrl.read(file)))) {
            return fail(EINVAL, "linux.intelRdt.closID: class " + quote(group) + " is there with another schemata");
        }
        return {};
    }
    Status written = resctrl.write(file, plan.schemata);
    if (!written.has_value() && is_new) {
        (void)resctrl.remove(group); // the write's error matters more
    }
    return written;
}

} // namespace

Result<RdtPlan> plan_rdt(const oci::IntelRdt &rdt, const std::string &id) {
    RdtPlan plan;
    plan.place.made = rdt.clos_id.empty();
    plan.place.group = rdt.clos_id.empty() ? id : rdt.clos_id;
    if (plan.place.group != "/" && (!is_name(plan.place.group) || is_reserved(plan.place.group))) {
        return fail(EINVAL, "linux.intelRdt.closID: no name of a class: " + quote(plan.place.group));
    }
    TRY(add_line(plan.schemata, rdt.l3_cache_schema, "l3CacheSchema", ""));
    TRY(add_line(plan.schemata, rdt.memory_bandwidth_schema, "memBwSchema", "MB:"));
    for (const std::string &line : rdt.schemata) {
        TRY(add_line(plan.schemata, line, "schemata", ""));
    }
    if (rdt.enable_monitoring) {
        plan.place.monitor = id;
    }
    return plan;
}

Result<RdtPlace> enter_rdt(const RdtPlan &plan, pid_t pid, const std::string &root) {
    const Resctrl resctrl = TRY(Resctrl::open(root));
    RdtPlace place = plan.place;
    place.made = false;
    TRY(prepare_group(resctrl, plan, place));
    Status entered = resctrl.write(below(place.group, "tasks"), std::to_string(pid));
    if (entered.has_value() && !place.monitor.empty()) {
        const std::string monitor = below(place.group, "mon_groups/" + place.monitor);
        Result<bool> made = resctrl.make(monitor);
        entered = made.has_value() ? resctrl.write(monitor + "/tasks", std::to_string(pid))
                                   : std::unexpected(std::move(made).error());
    }
    if (!entered.has_value()) {
        (void)remove_rdt(place, root); // what was made goes; the first error matters more
        return std::unexpected(std::move(entered).error());
    }
    return place;
}

Status remove_rdt(const RdtPlace &place, const std::string &root) {
    if (!place.made && place.monitor.empty()) {
        return {};
    }
    Result<Resctrl> resctrl = Resctrl::open(root);
    if (!resctrl.has_value()) {
        return {}; // unmounted since: its groups went with it
    }
    if (!place.monitor.empty()) {
        TRY(resctrl->remove(below(place.group, "mon_groups/" + place.monitor)));
    }
    return place.made ? resctrl->remove(place.group) : Status{};
}

bool schemata_match(std::string_view wanted, std::string_view schemata) {
    const auto have = parse_schemata(schemata);
    for (const auto &[resource, domains] : parse_schemata(wanted)) {
        const auto line = have.find(resource);
        if (line == have.end()) {
            return false;
        }
        for (const auto &[domain, value] : domains) {
            const auto in_force = line->second.find(domain);
            if (in_force == line->second.end() || in_force->second != value) {
                return false;
            }
        }
    }
    return true;
}

} // namespace ballast::isolate
