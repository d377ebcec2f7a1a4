// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/pod_network.h"

#include <linux/magic.h>
#include <ranges>
#include <sys/vfs.h>

#include "base/file_io.h"
#include "base/quote.h"
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

Result<std::vector<network::Subnet>> parse_ranges(const std::string &text) {
    std::vector<network::Subnet> ranges;
    for (const auto part : std::views::split(text, ',')) {
        const std::string_view word(part.begin(), part.end());
        const std::optional<network::Subnet> range = network::Subnet::parse(word);
        constexpr unsigned kLeastFree = 2; // bits: the network's own address, the gateway's, and one for a pod
        if (!range || range->prefix == 0 || range->prefix + kLeastFree > range->address.bits()) {
            return fail(EINVAL, "pod_cidr " + quote(text) + ": want a network like 10.244.1.0/24, with room for pods");
        }
        ranges.push_back(range->network());
    }
    if (ranges.size() > 2 || (ranges.size() == 2 && ranges[0].family() == ranges[1].family())) {
        return fail(EINVAL, "pod_cidr " + quote(text) + ": want one network, or one of each family");
    }
    return ranges;
}

} // namespace

PodNetwork::PodNetwork(const PodNetworkSettings &settings, fs::path cache, fs::path ranges, Texts &warnings)
    : configurations_(settings.configurations, settings.otherwise), chain_(settings.plugins, std::move(cache)),
      ranges_(std::move(ranges)) {
    constexpr std::uint64_t kLargest = 1024;
    const Result<std::string> text = read_file(ranges_, kLargest);
    if (!text) {
        if (text.error().code != ENOENT) { // ENOENT: nobody has said
            warnings.push_back(text.error().message);
        }
        return;
    }
    Result<std::vector<network::Subnet>> read = parse_ranges(*text);
    if (read) {
        configurations_.set_ranges(std::move(*read));
    } else {
        warnings.push_back(ranges_.string() + ": " + read.error().message);
    }
}

Status PodNetwork::set_ranges(const std::string &text) {
    std::vector<network::Subnet> ranges = TRY(parse_ranges(text));
    TRY(replace_file(ranges_, text, 0600));
    configurations_.set_ranges(std::move(ranges));
    return {};
}

std::string PodNetwork::configuration() {
    const Result<std::shared_ptr<const cni::Configuration>> now = configurations_.current();
    return now ? (*now)->json : now.error().message;
}

Status PodNetwork::collect_garbage(const std::function<bool(const std::string &id)> &wanted) {
    const Result<std::shared_ptr<const cni::Configuration>> now = configurations_.current();
    return chain_.collect_garbage(now ? now->get() : nullptr, wanted);
}

Result<Texts> PodNetwork::attach(const Snapshot &sandbox, const fs::path &file, BorrowedFd user_namespace) {
    const Result<std::shared_ptr<const cni::Configuration>> configuration = configurations_.current();
    if (!configuration) {
        return fail(EAGAIN, "pods have no network: " + configuration.error().message);
    }
    TRY(make_directories(file.parent_path(), 0700));
    network::drop_namespace(file); // of a life that ended badly
    TRY(network::make_namespace(file, [](BorrowedFd) { return set_loopback_up(); }, user_namespace));
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
