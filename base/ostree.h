// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <ostree.h>

#include "base/result.h"

// What the adapters over libostree share: owners of its objects and of GLib's, and its errors as ours. Of interest to
// those adapters alone.
namespace ballast::glib {

template <auto kRelease>
struct Releaser {
    template <typename T>
    void operator()(T *owned) const {
        kRelease(owned);
    }
};

template <typename T>
using Object = std::unique_ptr<T, Releaser<g_object_unref>>;
using Variant = std::unique_ptr<GVariant, Releaser<g_variant_unref>>;
using Text = std::unique_ptr<char, Releaser<g_free>>;
using Texts = std::unique_ptr<char *, Releaser<g_strfreev>>;
using Bytes = std::unique_ptr<GBytes, Releaser<g_bytes_unref>>;
using Array = std::unique_ptr<GPtrArray, Releaser<g_ptr_array_unref>>;
using KeyFile = std::unique_ptr<GKeyFile, Releaser<g_key_file_unref>>;
using KernelArguments = std::unique_ptr<OstreeKernelArgs, Releaser<ostree_kernel_args_free>>;
using CommitModifier = std::unique_ptr<OstreeRepoCommitModifier, Releaser<ostree_repo_commit_modifier_unref>>;

// The error of a call that failed, which is freed: "WHAT: MESSAGE". EKEYREJECTED for signatures, ENOSPC, ECANCELED,
// ENOENT, EROFS, ETIMEDOUT; EIO for all else.
std::unexpected<Error> failed(const std::string &what, GError *error);

inline Object<GFile> file(const std::filesystem::path &path) {
    return Object<GFile>(g_file_new_for_path(path.c_str()));
}

} // namespace ballast::glib
