// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/cri_security_request.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "base/file_io.h"
#include "base/quote.h"
#include "runtime/api/cri_methods.h"
#include "runtime/api/cri_user_namespace.h"

namespace ballast::api {
namespace {

namespace cri = ::runtime::v1;
using Profile = cri::SecurityProfile;

constexpr std::uint64_t kLargestProfile = 4UL << 20;
constexpr std::int64_t kHighestId = 2147483647;
constexpr std::string_view kLocalhost = "localhost/";

// What Docker gives beyond the nine that are given here.
constexpr std::array kNotGiven =
    std::to_array<std::string_view>({"MKNOD", "NET_RAW", "SETFCAP", "SYS_CHROOT", "AUDIT_WRITE"});

std::string plain_name(std::string name) {
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return name.starts_with("CAP_") ? name.substr(4) : name;
}

void read_capabilities(const cri::Capability &from, engine::CreateRequest &request) {
    engine::Texts &add = request.host.cap_add, &drop = request.host.cap_drop;
    add.assign(from.add_capabilities().begin(), from.add_capabilities().end());
    drop.assign(from.drop_capabilities().begin(), from.drop_capabilities().end());
    for (const std::string &name : from.add_ambient_capabilities()) {
        request.pod.ambient.push_back("CAP_" + plain_name(name));
        add.push_back(name); // none is ambient that is not permitted
    }
    engine::Texts added;
    std::ranges::transform(add, std::back_inserter(added), plain_name);
    if (std::ranges::contains(added, "ALL")) {
        return;
    }
    for (const std::string_view name : kNotGiven) {
        if (!std::ranges::contains(added, name)) {
            drop.emplace_back(name);
        }
    }
}

Result<std::string> id_text(const char *field, std::int64_t id) {
    return id >= 0 && id <= kHighestId
               ? Result<std::string>(std::to_string(id))
               : fail(EINVAL, std::string("security_context: ") + field + ": want a number from 0 to 2147483647");
}

Status read_user(const cri::LinuxContainerSecurityContext &from, engine::CreateRequest &request) {
    std::string &user = request.config.user;
    if (from.has_run_as_user() && !from.run_as_username().empty()) {
        return fail(EINVAL, "security_context: run_as_user and run_as_username contradict one another");
    }
    if (from.has_run_as_user()) {
        user = TRY(id_text("run_as_user", from.run_as_user().value()));
    } else if (from.run_as_username().contains(':')) {
        return fail(EINVAL, "security_context: run_as_username " + quote(from.run_as_username()) + " is no name");
    } else {
        user = from.run_as_username();
    }
    if (from.has_run_as_group()) {
        if (user.empty()) {
            return fail(EINVAL, "security_context: run_as_group takes run_as_user or run_as_username as well");
        }
        user += ":" + TRY(id_text("run_as_group", from.run_as_group().value()));
    }
    for (const std::int64_t group : from.supplemental_groups()) {
        request.host.group_add.push_back(TRY(id_text("supplemental_groups", group)));
    }
    if (!cri::SupplementalGroupsPolicy_IsValid(from.supplemental_groups_policy())) {
        return unknown_value("supplemental_groups_policy", from.supplemental_groups_policy());
    }
    request.pod.strict_groups = from.supplemental_groups_policy() == cri::Strict;
    return {};
}

// The newer field, or what the older one says: "runtime/default", "unconfined", "localhost/NAME".
Result<std::optional<Profile>> profile_of(const char *field, bool given, const Profile &newer,
                                          const std::string &older) {
    if (given) {
        return Profile::ProfileType_IsValid(newer.profile_type())
                   ? Result<std::optional<Profile>>(newer)
                   : std::unexpected(unknown_value(field, newer.profile_type()).error());
    }
    Profile profile;
    if (older.empty()) {
        return std::nullopt;
    }
    if (older == "unconfined") {
        profile.set_profile_type(Profile::Unconfined);
    } else if (older.starts_with(kLocalhost)) {
        profile.set_profile_type(Profile::Localhost);
        profile.set_localhost_ref(older.substr(kLocalhost.size()));
    } else if (older != "runtime/default" && older != "docker/default") {
        return fail(EINVAL, std::string("security_context: ") + field + ": " + quote(older) + " is no profile");
    }
    return profile;
}

// The older fields are deprecated, and still sent.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
Status read_profiles(const cri::LinuxContainerSecurityContext &from, engine::Texts &options) {
    const auto seccomp = TRY(profile_of("seccomp", from.has_seccomp(), from.seccomp(), from.seccomp_profile_path()));
    // A security context without one means none; of what is privileged it is not asked.
    if (!seccomp || seccomp->profile_type() == Profile::Unconfined || from.privileged()) {
        options.emplace_back("seccomp=unconfined");
    } else if (seccomp->profile_type() == Profile::Localhost) {
        if (!seccomp->localhost_ref().starts_with('/')) {
            return fail(EINVAL, "security_context: seccomp: want an absolute path in localhost_ref");
        }
        options.push_back(
            "seccomp=" + TRY(read_file(seccomp->localhost_ref(), kLargestProfile).within("security_context: seccomp")));
    }
    const auto apparmor = TRY(profile_of("apparmor", from.has_apparmor(), from.apparmor(), from.apparmor_profile()));
    if (apparmor && apparmor->profile_type() == Profile::Unconfined) {
        options.emplace_back("apparmor=unconfined");
    } else if (apparmor && apparmor->profile_type() == Profile::Localhost) {
        std::string name = apparmor->localhost_ref();
        name = name.starts_with(kLocalhost) ? name.substr(kLocalhost.size()) : name;
        if (name.empty()) {
            return fail(EINVAL, "security_context: apparmor: want a profile's name in localhost_ref");
        }
        options.push_back("apparmor=" + name);
    }
    return {};
}

#pragma GCC diagnostic pop

// Network, IPC and UTS are the pod's; of processes each container may have its own.
Status read_namespaces(const cri::NamespaceOption &from, engine::HostConfig &host) {
    if (from.has_userns_options()) { // it is the sandbox's, whatever they say
        TRY(read_user_namespace(from.userns_options(), "security_context: userns_options"));
    }
    switch (from.pid()) {
    case cri::POD:
        host.pid_mode = ""; // its sandbox's
        return {};
    case cri::CONTAINER:
        host.pid_mode = "private";
        return {};
    case cri::NODE:
        host.pid_mode = "host";
        return {};
    case cri::TARGET:
        if (from.target_id().empty()) {
            return fail(EINVAL, "namespace_options: TARGET takes target_id as well");
        }
        host.pid_mode = "container:" + from.target_id();
        return {};
    default:
        return unknown_value("namespace_options: pid", from.pid());
    }
}

} // namespace

Status read_security(const cri::LinuxContainerConfig &config, engine::CreateRequest &request) {
    const cri::LinuxContainerSecurityContext &from = config.security_context();
    engine::HostConfig &host = request.host;
    host.privileged = from.privileged();
    host.read_only_rootfs = from.readonly_rootfs();
    read_capabilities(from.capabilities(), request);
    TRY(read_user(from, request));
    if (config.has_security_context()) {
        TRY(read_profiles(from, host.security_opt));
    }
    if (from.no_new_privs()) {
        host.security_opt.emplace_back("no-new-privileges");
    }
    if (config.has_security_context()) { // empty lists say that nothing is masked: procMount Unmasked
        host.masked_paths = engine::Texts(from.masked_paths().begin(), from.masked_paths().end());
        host.readonly_paths = engine::Texts(from.readonly_paths().begin(), from.readonly_paths().end());
    }
    return read_namespaces(from.namespace_options(), host);
}

} // namespace ballast::api
