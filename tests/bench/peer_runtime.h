// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

// Debian's containerd as others run pods with it, in a test machine beside ours.
namespace ballast::bench {

inline constexpr const char *kPeerSocket = "/run/peer/containerd.sock";

// A shell's commands that start it, with CNI plugins as ours on a bridge and in a subnet of their own, and give both
// runtimes the image bench:latest: PLACE/payload, which must be there. Its own files are in PLACE, too.
std::string start_peer_runtime(const std::string &place);

// The part of these that gives ballastd the image.
std::string import_payload(const std::string &place);

} // namespace ballast::bench
