// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "runtime/network/state.h"

// One thread takes away the interfaces of containers that have ended, which the kernel takes its time for, and mends
// what others have broken.
namespace ballast::network {

Networks::State::~State() {
    background.request_stop();
    if (background.joinable()) {
        const std::uint64_t one = 1;
        (void)!::write(wake.get(), &one, sizeof one); // full: it is awake already
        background.join();
    }
}

void Networks::State::start_background() {
    if (background.joinable()) {
        return;
    }
    wake = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    background = std::jthread([this](const std::stop_token &stop) { background_loop(stop); });
}

void Networks::State::background_loop(const std::stop_token &stop) {
    Result<KernelEvents> events = KernelEvents::open();
    if (!events) {
        log::warning("networks: " + events.error().message + "; what others take away is seen at the next start only");
    }
    std::array<pollfd, 3> waiting{};
    waiting[0] = {.fd = wake.get(), .events = POLLIN, .revents = 0};
    waiting[1] = {.fd = events ? events->links().get() : -1, .events = POLLIN, .revents = 0};
    waiting[2] = {.fd = events ? events->tables().get() : -1, .events = POLLIN, .revents = 0};
    while (!stop.stop_requested()) {
        if (poll(waiting.data(), waiting.size(), -1) < 0) {
            continue; // EINTR
        }
        std::uint64_t count = 0;
        (void)!::read(wake.get(), &count, sizeof count); // nothing: nobody woke us
        remove_removed();
        if (events && (waiting[1].revents != 0 || waiting[2].revents != 0)) {
            take_kernel_events(*events);
        }
    }
    remove_removed();
}

std::string Networks::State::bridge_name(const std::string &network_id) const {
    const std::scoped_lock lock(mutex);
    const auto found = networks.find(network_id);
    return found == networks.end() ? "" : found->second.bridge;
}

void Networks::State::take_kernel_events(KernelEvents &events) {
    const std::optional<std::vector<std::string>> gone = events.take_links();
    const bool table_lost = events.take_tables(kTable);
    std::vector<std::string> bridges; // ids of their networks
    {
        const std::scoped_lock lock(mutex);
        for (const auto &[id, network] : networks) {
            if (network.driver == Driver::kBridge && (!gone || std::ranges::contains(*gone, network.bridge))) {
                bridges.push_back(id);
            }
        }
    }
    if (bridges.empty() && !table_lost) {
        return;
    }
    const std::scoped_lock changing(kernel);
    Result<Netlink> host = Netlink::open();
    for (const std::string &id : bridges) {
        const bool there = host && host->link(bridge_name(id)).value_or(std::nullopt).has_value(); // too many to tell
        const Result<unsigned> made = host ? realize(*host, id) : Result<unsigned>(std::unexpected(host.error()));
        if (!made && made.error().code != ENOENT) { // it was ours to remove
            log::error("networks: " + made.error().message);
        } else if (made && !there) {
            log::notice("networks: made a bridge again that was taken away", {{"NETWORK_ID", id}});
        }
    }
    if (table_lost) {
        const Status replaced = replace_table();
        if (!replaced) {
            log::error("networks: " + replaced.error().message);
        } else {
            log::notice("networks: made the table of nftables again, of which something was taken away");
        }
    }
}

void Networks::State::remove_later(const std::vector<Endpoint> &endpoints) {
    leaving.insert(leaving.end(), endpoints.begin(), endpoints.end());
    const std::uint64_t one = 1;
    (void)!::write(wake.get(), &one, sizeof one); // full: it is awake already
}

void Networks::State::remove_removed() {
    std::deque<Endpoint> mine;
    {
        const std::scoped_lock lock(mutex);
        mine.swap(leaving);
        removing += mine.size();
    }
    if (mine.empty()) {
        return;
    }
    NetlinkChanges changes;
    for (const Endpoint &endpoint : mine) {
        changes.delete_link(endpoint.host_interface);
    }
    Result<Netlink> host = Netlink::open();
    if (const Status deleted = host ? host->apply(changes) : Status(std::unexpected(host.error())); !deleted) {
        log::warning("networks: " + deleted.error().message + ", ignoring"); // swept at the next start
    }
    const std::scoped_lock lock(mutex);
    for (const Endpoint &endpoint : mine) {
        give_back(endpoint);
    }
    removing -= mine.size();
    removed.notify_all();
}

void Networks::State::drain(std::unique_lock<std::mutex> &lock) {
    if (background.joinable()) {
        removed.wait(lock, [this] { return leaving.empty() && removing == 0; });
    }
}

} // namespace ballast::network
