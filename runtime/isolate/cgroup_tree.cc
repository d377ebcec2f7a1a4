// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/cgroup_tree.h"

#include <array>
#include <climits>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/quote.h"

namespace ballast::isolate {
namespace {

constexpr const char *kMount = "/sys/fs/cgroup";
constexpr mode_t kMode = 0755;
constexpr std::array<std::string_view, 9> kControllers = {"cpu",     "cpuset", "io",   "memory", "pids",
                                                          "hugetlb", "rdma",   "misc", "dmem"};
constexpr int kDeepest = 64; // of cgroups below a container's; cgroup.max.depth limits it further

// Why a controller could not be handed down.
const char *reason(int code) {
    switch (code) {
    case EBUSY:
        return " (it holds processes itself, and then it cannot hand controllers down)";
    case EOPNOTSUPP:
        return " (it is threaded or an invalid domain, and this controller needs a domain)";
    case ENOENT:
        return " (the cgroup above does not have that controller)";
    case EACCES:
    case EPERM:
        return " (it is not delegated to this user)";
    default:
        return "";
    }
}

// What `directory` hands down afterwards; an error for one of `needed`.
Result<unsigned> hand_down(const CgroupDir &directory, unsigned wanted, unsigned needed) {
    constexpr const char *kFile = "cgroup.subtree_control";
    unsigned have = controller::parse(TRY(directory.read_record(kFile)));
    const unsigned missing = wanted & ~have;
    if (missing == 0 || directory.write(kFile, controller::enable(missing)).has_value()) {
        return have | missing;
    }
    // All or nothing: cpu alone, for one, is refused while a realtime process lives outside of the root.
    for (unsigned bit = 1; bit <= missing; bit <<= 1U) {
        if ((missing & bit) == 0) {
            continue;
        }
        if (Status enabled = directory.write(kFile, controller::enable(bit)); enabled.has_value()) {
            have |= bit;
        } else if ((needed & bit) != 0) {
            enabled.error().message += reason(enabled.error().code);
            return std::unexpected(std::move(enabled).error());
        } // nothing was asked of this controller: statistics lack it, no limit does
    }
    return have;
}

// A threaded parent makes "domain invalid" children, which can hold no process at all.
Status check_type(const CgroupDir &directory, unsigned needed) {
    std::string type = TRY(directory.read_record("cgroup.type"));
    if (type.ends_with('\n')) {
        type.pop_back();
    }
    const bool invalid = type == "domain invalid";
    if (!invalid && type != "threaded") {
        return {};
    }
    if (const unsigned domain_only = needed & ~controller::kThreaded; domain_only != 0) {
        return fail(EOPNOTSUPP, "cgroup " + directory.path() + ": it is \"" + type + "\", and " +
                                    controller::names(domain_only) + " needs a domain");
    }
    return invalid ? directory.write("cgroup.type", "threaded") : Status{};
}

Status hand_down_to(const CgroupDir &root, const CgroupDir &leaf, unsigned wanted, unsigned needed) {
    const std::string &path = leaf.path();
    wanted = TRY(hand_down(root, wanted, needed));
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
        CgroupDir above = TRY(root.child(path.substr(1, slash - 1)));
        wanted =
            TRY(hand_down(above, wanted & controller::parse(TRY(above.read_record("cgroup.controllers"))), needed));
    }
    return check_type(leaf, needed);
}

// Directories that this call made, removed again unless it succeeds.
class Made {
  public:
    explicit Made(const CgroupDir &root) : root_(root) {}
    Made(const Made &) = delete;
    Made &operator=(const Made &) = delete;
    ~Made() {
        for (; !paths_.empty(); paths_.pop_back()) {
            // The error that brought us here matters more; one that others use by now is not ours to remove.
            (void)::unlinkat(root_.fd().get(), paths_.back().c_str(), AT_REMOVEDIR);
        }
    }
    // Whether it is new.
    Result<bool> make(const std::string &relative) {
        if (::mkdirat(root_.fd().get(), relative.c_str(), kMode) == 0) {
            paths_.push_back(relative);
            return true;
        }
        if (errno == EEXIST) {
            return false;
        }
        int code = errno;
        std::string message = "cgroup /" + relative + ": make the directory";
        if (code == EAGAIN) { // cgroup_mkdir(): cgroup.max.descendants or cgroup.max.depth of one above
            return fail(code, message + ": a cgroup above allows no more of them");
        }
        return fail_errno(message, code);
    }
    void keep() { paths_.clear(); }

  private:
    const CgroupDir &root_;
    std::vector<std::string> paths_;
};

Result<bool> make_directories(Made &made, const std::string &relative) {
    // Mostly all above are there.
    Result<bool> leaf = made.make(relative);
    if (leaf.has_value() || leaf.error().code != ENOENT) {
        return leaf;
    }
    for (std::size_t slash = relative.find('/'); slash != std::string::npos; slash = relative.find('/', slash + 1)) {
        TRY(made.make(relative.substr(0, slash)));
    }
    return made.make(relative);
}

Status remove_below(const CgroupDir &directory, int depth) {
    if (depth > kDeepest) {
        return fail(ELOOP, "cgroup " + directory.path() + ": too many cgroups below one another");
    }
    for (const std::string &name : TRY(directory.children())) {
        if (::unlinkat(directory.fd().get(), name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) {
            continue;
        }
        if (errno != EBUSY) {
            return directory.failed(name, std::nullopt, errno);
        }
        Result<CgroupDir> below = directory.child(name);
        if (!below.has_value()) {
            if (below.error().code == ENOENT) {
                continue;
            }
            return std::unexpected(std::move(below).error());
        }
        TRY(remove_below(*below, depth + 1));
        if (::unlinkat(directory.fd().get(), name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
            return directory.failed(name, std::nullopt, errno);
        }
    }
    return {};
}

} // namespace

unsigned controller::parse(std::string_view text) {
    unsigned found = 0;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
        for (std::size_t place = 0; place < kControllers.size(); place++) {
            found |= text.substr(0, end) == kControllers[place] ? 1U << place : 0U;
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return found;
}

namespace {
std::string joined(unsigned controllers, std::string_view before, std::string_view between) {
    std::string text;
    for (std::size_t place = 0; place < kControllers.size(); place++) {
        if ((controllers & (1U << place)) != 0) {
            text.append(text.empty() ? "" : between).append(before).append(kControllers[place]);
        }
    }
    return text;
}
} // namespace

std::string controller::names(unsigned controllers) { return joined(controllers, "", ", "); }
std::string controller::enable(unsigned controllers) { return joined(controllers, "+", " "); }

Result<CgroupDir> cgroup_root() {
    int fd = ::open(kMount, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return fail_errno(kMount);
    }
    CgroupDir root(Fd(fd), "/");
    struct statfs about{};
    if (::fstatfs(fd, &about) != 0) {
        return fail_errno(kMount);
    }
    if (about.f_type != CGROUP2_SUPER_MAGIC) {
        return fail(ENOTSUP, std::string(kMount) + " is not of cgroup version 2, and only that is supported (boot "
                                                   "with systemd.unified_cgroup_hierarchy=1)");
    }
    return root;
}

Result<std::string> parse_own_cgroup(std::string_view text) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (!line.starts_with("0::/")) {
            continue;
        }
        line.remove_prefix(3);
        if (line.starts_with("/..")) {
            return fail(EINVAL, "cgroup " + std::string(line) + " lies outside of this cgroup namespace");
        }
        constexpr std::string_view kDeleted = " (deleted)";
        return std::string(line.ends_with(kDeleted) ? line.substr(0, line.size() - kDeleted.size()) : line);
    }
    return fail(ENOTSUP, "no cgroup of version 2");
}

Result<std::string> own_cgroup() {
    return parse_own_cgroup(TRY(read_file("/proc/self/cgroup"))).within("/proc/self/cgroup");
}

Result<std::string> cgroup_of(pid_t pid) {
    std::string file = "/proc/" + std::to_string(pid) + "/cgroup";
    return parse_own_cgroup(TRY(read_file(file))).within(file);
}

Result<std::string> normal_cgroup_path(std::string_view path) {
    std::string result;
    std::string_view rest = path;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('/'), rest.size());
        std::string_view name = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (name.empty() || name == ".") {
            continue;
        }
        if (name == "..") { // in these words, which test suites of engines look for
            return fail(EINVAL, "cgroup path " + quote(path) + ": `..` components are not allowed");
        }
        if (name.size() > NAME_MAX) {
            return fail(ENAMETOOLONG, "cgroup path " + quote(path) + ": a name of it is too long");
        }
        for (char letter : name) {
            if (static_cast<unsigned char>(letter) < ' ' || letter == '\x7f') {
                return fail(EINVAL, "cgroup path " + quote(path) + ": it has a control character");
            }
        }
        result.append("/").append(name);
    }
    if (result.empty()) {
        return fail(EINVAL, "cgroup path " + quote(path) + ": the root of the hierarchy cannot be a container's");
    }
    if (result.size() >= PATH_MAX) {
        return fail(ENAMETOOLONG, "cgroup path " + quote(path.substr(0, NAME_MAX)) + "…: too long");
    }
    return result;
}

std::string parent_cgroup(const std::string &path) {
    const std::size_t slash = path.rfind('/');
    return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

Result<MadeCgroup> make_cgroup(const CgroupDir &root, const std::string &path, unsigned needed) {
    const std::string relative = path.substr(1);
    Made made(root);
    const bool is_new = TRY(make_directories(made, relative));
    CgroupDir leaf = TRY(root.child(relative));
    if (!is_new && flat_value(TRY(leaf.read_record("cgroup.events")), "populated") != 0) {
        return fail(EEXIST, "cgroup " + path + ": it is there and holds processes");
    }
    const unsigned machine_has = controller::parse(TRY(root.read_record("cgroup.controllers")));
    const unsigned leaf_has = controller::parse(TRY(leaf.read_record("cgroup.controllers")));
    if ((machine_has & ~leaf_has) != 0) {
        TRY(hand_down_to(root, leaf, machine_has, needed));
    }
    made.keep();
    return MadeCgroup{.directory = std::move(leaf), .made = is_new};
}

Status remove_cgroup(const CgroupDir &root, const std::string &path) {
    const std::string relative = path.substr(1);
    if (::unlinkat(root.fd().get(), relative.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) {
        return {};
    }
    if (errno != EBUSY) {
        return fail_errno("cgroup " + path + ": remove");
    }
    Result<CgroupDir> directory = root.child(relative);
    if (!directory.has_value()) {
        return directory.error().code == ENOENT ? Status{} : std::unexpected(std::move(directory).error());
    }
    TRY(remove_below(*directory, 0));
    if (::unlinkat(root.fd().get(), relative.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
        return fail_errno("cgroup " + path + ": remove");
    }
    return {};
}

} // namespace ballast::isolate
