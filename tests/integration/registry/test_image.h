// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/image/manifest.h"

// Small images made in memory, and where a test keeps what it pulls.
namespace ballast::tests {

struct TestImage {
    std::map<std::string, std::string> documents; // of manifests and indexes, by digest
    std::map<std::string, std::string> types;     // and their media types
    std::map<std::string, std::string> blobs;     // by digest
    image::Descriptor top;                        // what the tag stands for
    std::vector<std::string> layers;              // digests, lowest first
    std::string config;                           // digest
};

// One gzip layer for each text, which is the content of /layer-N. `platform` as "linux/amd64"; empty: this machine's.
TestImage make_image(const std::vector<std::string> &contents, const std::string &platform = "");
// An index of several images.
TestImage make_index(const std::vector<TestImage> &images, const std::vector<std::string> &platforms);
// Bytes that gzip makes nothing smaller of.
std::string noise(std::size_t size, unsigned seed);

} // namespace ballast::tests
