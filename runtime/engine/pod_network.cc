// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/pod_network.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include "base/file_io.h"
#include "runtime/network/namespace.h"
#include "runtime/network/netlink.h"

namespace ballast::engine {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kLoopback = 1; // its index in each namespace

cni::Attachment attachment_of(const Snapshot &sandbox, const fs::path &file) {
    const Pod &pod = sandbox.pod;
    return {.container = sandbox.id,
            .network_namespace = file,
            // What plugins of Kubernetes ask for; the first lets the others pass over them.
            .arguments = {{"IgnoreUnknown", "1"},
                          {"K8S_POD_NAMESPACE", pod.name_space},
                          {"K8S_POD_NAME", pod.name},
                          {"K8S_POD_INFRA_CONTAINER_ID", sandbox.id},
                          {"K8S_POD_UID", pod.uid}},
            .wishes = pod.wishes};
}

// Of the calling thread's namespace.
Status set_loopback_up() {
    network::Netlink netlink = TRY(network::Netlink::open());
    network::NetlinkChanges changes;
    changes.set_up(kLoopback);
    return netlink.apply(changes);
}

} // namespace

Result<Texts> PodNetwork::attach(const Snapshot &sandbox, const fs::path &file) {
    const Result<std::shared_ptr<const cni::Configuration>> configuration = configurations_.current();
    if (!configuration) {
        return fail(EAGAIN, "pods have no network: " + configuration.error().message);
    }
    TRY(make_directories(file.parent_path(), 0700));
    network::drop_namespace(file); // of a life that ended badly
    TRY(network::make_namespace(file, [](BorrowedFd) { return set_loopback_up(); }));
    Result<cni::Attached> attached = chain_.add(**configuration, attachment_of(sandbox, file));
    if (!attached) {
        network::drop_namespace(file);
        return std::unexpected(attached.error());
    }
    Texts addresses;
    for (const network::Address &address : attached->addresses) {
        addresses.push_back(address.text());
    }
    return addresses;
}

Status PodNetwork::detach(const std::string &id, const fs::path &file) {
    TRY(chain_.remove(id, is_whole(file) ? file : fs::path())); // a file alone is none, and plugins choke on it
    network::drop_namespace(file);
    return {};
}

bool PodNetwork::is_whole(const fs::path &file) {
    struct statfs kind{};
    return statfs(file.c_str(), &kind) == 0 && kind.f_type == NSFS_MAGIC;
}

Status PodNetwork::ready() { return chain_.ready(*TRY(configurations_.current())); }

Texts PodNetwork::left(const std::function<bool(const std::string &id)> &wanted) const {
    std::set<std::string> ids;
    for (const cni::CacheEntry &entry : chain_.known().value_or(std::vector<cni::CacheEntry>())) {
        if (!wanted(entry.attachment.container)) {
            ids.insert(entry.attachment.container);
        }
    }
    return {ids.begin(), ids.end()};
}

Texts PodNetwork::problems() const {
    const Result<std::vector<std::string>> problems = chain_.problems();
    return problems ? *problems : Texts{problems.error().message};
}

} // namespace ballast::engine
