// SPDX-License-Identifier: Apache-2.0
#include <sys/mount.h>

#include "runtime/isolate/mounts.h"
#include "tests/unit/check.h"

namespace ballast::isolate {
namespace {

constexpr std::uint64_t kPlain =
    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW;

Result<std::vector<MountStep>> plan(const oci::Mount &mount, oci::Spec spec = {},
                                    MountSettings settings = {"/bundle"}) {
    spec.mounts = {mount};
    return plan_mounts(spec, settings);
}

MountStep one(const oci::Mount &mount, oci::Spec spec = {}, MountSettings settings = {"/bundle"}) {
    return std::move(must(plan(mount, std::move(spec), std::move(settings)))[0]);
}

oci::Mount bind(std::vector<std::string> options, std::string destination = "/data", std::string source = "/src") {
    return {.destination = std::move(destination),
            .source = std::move(source),
            .type = "bind",
            .options = std::move(options),
            .uid_mappings = {},
            .gid_mappings = {}};
}

oci::Mount file_system(std::string type, std::vector<std::string> options, std::string destination = "/x") {
    return {.destination = std::move(destination),
            .source = type,
            .type = type,
            .options = std::move(options),
            .uid_mappings = {},
            .gid_mappings = {}};
}

bool has_setting(const MountStep &step, const FileSystemOption &option) {
    return std::ranges::find(step.settings, option) != step.settings.end();
}

} // namespace

TEST_CASE("a bind without options keeps those of its source and becomes a slave", "[mounts]") {
    MountStep step = one(bind({"bind"}));
    CHECK(step.kind == MountKind::kBind);
    CHECK(step.changes == std::vector<AttributeChange>{{.propagation = MS_SLAVE}});
    CHECK(step.target == "data");
}

TEST_CASE("a bind with options has those and no others, in one call", "[mounts]") {
    MountStep step = one(bind({"bind", "ro", "suid", "rprivate"}));
    REQUIRE(step.changes.size() == 1);
    CHECK(step.changes[0].set == MOUNT_ATTR_RDONLY);
    CHECK(step.changes[0].clear == (kPlain & ~MOUNT_ATTR_RDONLY));
    CHECK(step.changes[0].clear_locked == MOUNT_ATTR_NOSUID);
    CHECK(step.changes[0].propagation == MS_PRIVATE);
    CHECK_FALSE(step.changes[0].recursive);
}

TEST_CASE("a bind's access times stay unless named", "[mounts]") {
    CHECK((one(bind({"ro"})).changes[0].clear & MOUNT_ATTR__ATIME) == 0);
    AttributeChange change = one(bind({"noatime"})).changes[0];
    CHECK(change.set == MOUNT_ATTR_NOATIME);
    CHECK((change.clear & MOUNT_ATTR__ATIME) == MOUNT_ATTR__ATIME);
    CHECK((change.clear & MOUNT_ATTR_NODIRATIME) == MOUNT_ATTR_NODIRATIME);
    CHECK(change.clear_locked == MOUNT_ATTR__ATIME);
    CHECK((one(bind({"atime"})).changes[0].clear & MOUNT_ATTR__ATIME) == MOUNT_ATTR__ATIME);
}

TEST_CASE("read-only rbind is of the top, rro of every mount below", "[mounts]") {
    MountStep step = one(bind({"rbind", "ro", "rnosuid", "rslave"}));
    REQUIRE(step.changes.size() == 2);
    CHECK_FALSE(step.changes[0].recursive);
    CHECK(step.changes[0].set == MOUNT_ATTR_RDONLY);
    CHECK(step.changes[1].recursive);
    CHECK(step.changes[1].set == MOUNT_ATTR_NOSUID);
    CHECK(step.changes[1].propagation == MS_SLAVE);
}

TEST_CASE("recursive options of a single mount need no call of their own", "[mounts]") {
    MountStep step = one(bind({"bind", "rro", "private"}));
    REQUIRE(step.changes.size() == 1);
    CHECK(step.changes[0].set == MOUNT_ATTR_RDONLY);
}

TEST_CASE("binds follow the root's propagation when they name none", "[mounts]") {
    CHECK(one(bind({"rbind"}), {}, {"/bundle", false, MS_PRIVATE}).changes[0].propagation == MS_PRIVATE);
    CHECK(one(bind({"rbind"}), {}, {"/bundle", false, MS_SHARED}).changes.empty());
    std::vector<AttributeChange> changes = one(bind({"rbind", "slave", "rshared"})).changes;
    REQUIRE(changes.size() == 2);
    CHECK(changes[1] == AttributeChange{.recursive = true, .propagation = MS_SHARED});
}

TEST_CASE("a relative source starts from the bundle", "[mounts]") {
    CHECK(one(bind({}, "/x", "data/y")).source == "/bundle/data/y");
}

TEST_CASE("a bind passes over options of a file system", "[mounts]") {
    CHECK(one(bind({"bind", "size=64k", "mode=755"})).settings.empty());
}

TEST_CASE("new file systems get their options key by key", "[mounts]") {
    MountStep step = one(file_system("tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k", "sync"}));
    CHECK(step.attributes == (MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME));
    CHECK(step.settings ==
          std::vector<FileSystemOption>{
              {"source", "tmpfs", true}, {"sync", "", false}, {"mode", "755", true}, {"size", "65536k", true}});
    CHECK_FALSE(step.take_mode);
    CHECK(one(file_system("tmpfs", {})).take_mode);
}

TEST_CASE("a read-only tmpfs stays writable until the others have their mount points", "[mounts]") {
    MountStep step = one(file_system("tmpfs", {"ro"}));
    CHECK(step.attributes == 0);
    CHECK(step.read_only_at_end);
    step = one(file_system("sysfs", {"ro"}, "/sys"));
    CHECK(step.attributes == MOUNT_ATTR_RDONLY);
    CHECK(has_setting(step, {"ro", "", false}));
    CHECK(one(file_system("tmpfs", {"rro"})).read_only_at_end);
}

TEST_CASE("cgroup is a new mount in a cgroup namespace and the own directory without", "[mounts]") {
    oci::Mount mount = file_system("cgroup", {"ro", "nosuid"}, "/sys/fs/cgroup");
    MountStep step = one(mount, {}, {"/bundle", true});
    CHECK(step.kind == MountKind::kFileSystem);
    CHECK(step.type == "cgroup2");
    CHECK_FALSE(has_setting(step, {"ro", "", false}));
    CHECK(one(mount, {}, {"/bundle", false}).kind == MountKind::kOwnCgroup);
}

TEST_CASE("long layer lists of overlay are handed over one by one", "[mounts]") {
    std::string a = "/" + std::string(200, 'a');
    std::string b = "/" + std::string(100, 'b');
    MountStep step = one(file_system("overlay", {"lowerdir=" + a + ":" + b + "\\:c::/data", "upperdir=/u"}));
    CHECK(step.settings == std::vector<FileSystemOption>{{"source", "overlay", true},
                                                         {"lowerdir+", a, true},
                                                         {"lowerdir+", b + ":c", true},
                                                         {"datadir+", "/data", true},
                                                         {"upperdir", "/u", true}});
    CHECK(has_setting(one(file_system("overlay", {"lowerdir=/a:/b"})), {"lowerdir", "/a:/b", true}));
    CHECK(error_of(plan(file_system("tmpfs", {"mode=" + std::string(300, '7')}))).code == EINVAL);
}

TEST_CASE("the mount label goes to file systems that take one", "[mounts]") {
    oci::Spec spec;
    spec.linux_.mount_label = "u:r:t:s0";
    CHECK(has_setting(one(file_system("tmpfs", {}), spec), {"context", "u:r:t:s0", true}));
    CHECK_FALSE(has_setting(one(file_system("proc", {}, "/proc"), spec), {"context", "u:r:t:s0", true}));
    CHECK(one(file_system("mqueue", {}, "/dev/mqueue"), spec).label_root);
    CHECK(has_setting(one(file_system("tmpfs", {"context=other"}), spec), {"context", "other", true}));
    CHECK_FALSE(has_setting(one(file_system("tmpfs", {"context=other"}), spec), {"context", "u:r:t:s0", true}));
}

TEST_CASE("only procfs goes on /proc, and nothing inside but what may be replaced", "[mounts]") {
    CHECK(one(file_system("proc", {}, "/proc")).may_cover_proc);
    CHECK(one(bind({"rbind"}, "/proc/")).wants_proc);
    CHECK(one(bind({"bind"}, "/proc/meminfo")).may_cover_proc);
    CHECK(error_of(plan(file_system("tmpfs", {}, "/proc"))).message.ends_with("only procfs may be mounted on /proc"));
    for (const char *inside : {"/proc/self/attr", "/proc/sys", "//proc/./self", "/x/../proc/sys/kernel", "proc/1"}) {
        INFO(inside);
        CHECK_FALSE(plan(file_system("tmpfs", {}, inside)).has_value());
        CHECK_FALSE(plan(bind({"bind"}, inside)).has_value());
        CHECK_FALSE(plan(file_system("proc", {}, inside)).has_value());
    }
}

TEST_CASE("idmapped mounts take their own mappings or the container's", "[mounts]") {
    oci::Mount mount = bind({"bind", "idmap"});
    CHECK(error_of(plan(mount)).message.ends_with("idmap needs uidMappings and gidMappings, or a user namespace"));
    oci::Spec spec;
    spec.linux_.namespaces = {{oci::NamespaceType::kUser, ""}};
    spec.linux_.uid_mappings = spec.linux_.gid_mappings = {{0, 1000, 10}};
    MountStep step = one(mount, spec);
    CHECK(step.uids[0].host_id == 1000);
    CHECK(step.changes[0].idmap);
    spec.linux_.namespaces[0].path = "/proc/1/ns/user";
    CHECK(one(mount, spec).user_namespace == "/proc/1/ns/user");

    mount = bind({"rbind", "ridmap"});
    mount.uid_mappings = {{0, 7, 1}};
    CHECK(error_of(plan(mount)).message.ends_with("needs both uidMappings and gidMappings"));
    mount.gid_mappings = {{0, 8, 1}};
    step = one(mount, spec);
    CHECK(step.user_namespace.empty());
    CHECK(step.changes[0].idmap);
    CHECK(step.changes[0].recursive);
    oci::Mount other = file_system("tmpfs", {"idmap"});
    CHECK(error_of(plan(other, spec)).message.ends_with("only bind mounts can be id-mapped"));
}

TEST_CASE("a remount changes what it names", "[mounts]") {
    MountStep step = one(file_system("tmpfs", {"remount", "ro", "exec", "size=1m"}));
    CHECK(step.kind == MountKind::kRemount);
    CHECK(step.changes ==
          std::vector<AttributeChange>{
              {.set = MOUNT_ATTR_RDONLY, .clear = MOUNT_ATTR_NOEXEC, .clear_locked = MOUNT_ATTR_NOEXEC}});
    CHECK(step.superblock_change);
    CHECK_FALSE(one(bind({"remount", "bind", "ro"})).superblock_change);
}

TEST_CASE("tmpcopyup is for a tmpfs below the root", "[mounts]") {
    CHECK(one(file_system("tmpfs", {"tmpcopyup"})).copy_up);
    CHECK_FALSE(plan(file_system("tmpfs", {"tmpcopyup"}, "/")).has_value());
    CHECK_FALSE(plan(file_system("devpts", {"tmpcopyup"})).has_value());
}

TEST_CASE("a mount without type, source or place is refused with its number", "[mounts]") {
    CHECK(error_of(plan(file_system("", {}))).message == "mounts[0] (/x).type: missing");
    CHECK(error_of(plan(bind({"bind"}, "/x", ""))).message == "mounts[0] (/x).source: missing");
    CHECK(error_of(plan(bind({"bind"}, ""))).message == "mounts[0].destination: missing");
    CHECK(error_of(plan(bind({"bind"}, "/" + std::string(5000, 'a')))).code == ENAMETOOLONG);
}

} // namespace ballast::isolate
