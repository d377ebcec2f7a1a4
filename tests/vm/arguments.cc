// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/arguments.h"

#include <cstdlib>
#include <iostream>

#include "base/file_io.h"
#include "tests/vm/ssh.h"

namespace ballast::vm {

std::filesystem::path default_image() {
    const char *image = std::getenv("BALLAST_IMAGE"); // NOLINT(concurrency-mt-unsafe): before there are threads
    return image != nullptr && *image != '\0' ? image : "out/images/ballast-cloud.qcow2";
}

Status check_image(const std::filesystem::path &image) {
    std::error_code error;
    if (!std::filesystem::exists(image, error)) {
        return fail(ENOENT, "no image " + image.string() + "; './dev image' makes out/images/ballast-cloud.qcow2");
    }
    return {};
}

std::string guest_command(const std::vector<std::string> &words) {
    if (words.size() == 1) {
        return words.front();
    }
    std::string line;
    for (const std::string &word : words) {
        line += (line.empty() ? "" : " ") + shell_quoted(word);
    }
    return line;
}

Result<std::filesystem::path> make_log_directory(const std::filesystem::path &output, const std::string &name) {
    const std::filesystem::path parent = std::filesystem::absolute(output) / "vm-logs";
    TRY(make_directories(parent));
    std::string path = (parent / (name + "-XXXXXX")).string();
    if (mkdtemp(path.data()) == nullptr) {
        return fail_errno("make a directory in " + parent.string());
    }
    return std::filesystem::path(path);
}

void report(const Error &error) { std::cerr << "ballast-vm: " << error.message << "\n"; }

} // namespace ballast::vm
