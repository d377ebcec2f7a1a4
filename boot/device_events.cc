// SPDX-License-Identifier: Apache-2.0
#include "boot/device_events.h"

#include <array>
#include <cstdint>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

namespace ballast::boot {
namespace {

constexpr std::uint32_t kFromKernel = 1; // the multicast group; the other one is udev's
constexpr std::size_t kLongestEvent = 4096;

} // namespace

Result<DeviceEvents> DeviceEvents::open() {
    Fd socket(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT));
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = kFromKernel;
    if (!socket.is_open() || bind(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0) {
        return fail_errno("listen for devices");
    }
    return DeviceEvents(std::move(socket));
}

Status DeviceEvents::wait(std::chrono::milliseconds time) {
    pollfd events{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    if (poll(&events, 1, static_cast<int>(time.count())) < 0 && errno != EINTR) {
        return fail_errno("wait for devices");
    }
    std::array<char, kLongestEvent> event{};
    // ENOBUFS says that some were lost, which is as good as having read them.
    while (recv(socket_.get(), event.data(), event.size(), 0) >= 0 || errno == ENOBUFS || errno == EINTR) {
    }
    return {};
}

} // namespace ballast::boot
