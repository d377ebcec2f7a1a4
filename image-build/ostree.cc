// SPDX-License-Identifier: Apache-2.0
#include "image-build/ostree.h"

#include <cstdlib>

#include "base/file_io.h"
#include "base/ostree.h"

namespace ballast::image_build {
namespace {

namespace fs = std::filesystem;
using namespace glib;

Result<Object<OstreeRepo>> open_repository(const fs::path &directory) {
    Object<OstreeRepo> repo(ostree_repo_new(file(directory).get()));
    GError *error = nullptr;
    if (!ostree_repo_open(repo.get(), nullptr, &error)) {
        return failed("open repository " + directory.string(), error);
    }
    return repo;
}

Variant metadata_of(const CommitInputs &inputs) {
    GVariantDict dictionary;
    g_variant_dict_init(&dictionary, nullptr);
    g_variant_dict_insert(&dictionary, "version", "s", inputs.release->version.c_str());
    g_variant_dict_insert(&dictionary, "ballast.source-commit", "s", inputs.release->source_commit.c_str());
    GVariantBuilder packages;
    g_variant_builder_init(&packages, G_VARIANT_TYPE("a(sss)")); // name, version, architecture
    for (const Package &package : inputs.packages->packages) {
        g_variant_builder_add(&packages, "(sss)", package.name.c_str(), package.version.c_str(),
                              package.architecture.c_str());
    }
    g_variant_dict_insert_value(&dictionary, "ballast.packages", g_variant_builder_end(&packages));
    g_variant_dict_insert(&dictionary, "ballast.boot-bytes", "t", inputs.boot_bytes);
    g_variant_dict_insert(&dictionary, "ostree.bootable", "b", TRUE);
    const char *refs[] = {inputs.ref.c_str(), nullptr};
    g_variant_dict_insert_value(&dictionary, "ostree.ref-binding", g_variant_new_strv(refs, 1));
    return Variant(g_variant_ref_sink(g_variant_dict_end(&dictionary)));
}

Result<Object<GFile>> write_root(OstreeRepo *repo, const fs::path &tree) {
    const CommitModifier modifier(
        ostree_repo_commit_modifier_new(OSTREE_REPO_COMMIT_MODIFIER_FLAGS_GENERATE_SIZES, nullptr, nullptr, nullptr));
    Object<OstreeMutableTree> contents(ostree_mutable_tree_new());
    GError *error = nullptr;
    if (!ostree_repo_write_directory_to_mtree(repo, file(tree).get(), contents.get(), modifier.get(), nullptr,
                                              &error)) {
        return failed("write " + tree.string(), error);
    }
    GFile *root = nullptr;
    if (!ostree_repo_write_mtree(repo, contents.get(), &root, nullptr, &error)) {
        return failed("write the tree's objects", error);
    }
    return Object<GFile>(root);
}

Result<std::string> write_commit(OstreeRepo *repo, const CommitInputs &inputs) {
    const Object<GFile> root = TRY(write_root(repo, inputs.tree));
    const Variant metadata = metadata_of(inputs);
    GError *error = nullptr;
    char *checksum = nullptr;
    const std::string subject = "Ballast " + inputs.release->version;
    if (!ostree_repo_write_commit_with_time(repo, nullptr, subject.c_str(), nullptr, metadata.get(),
                                            OSTREE_REPO_FILE(root.get()), static_cast<guint64>(inputs.release->epoch),
                                            &checksum, nullptr, &error)) {
        return failed("write the commit", error);
    }
    return std::string(Text(checksum).get());
}

Status sign_and_publish(OstreeRepo *repo, const CommitInputs &inputs, const std::string &checksum) {
    GError *error = nullptr;
    const char *home = inputs.keys->home.c_str();
    std::vector<const char *> keys;
    for (const std::string &fingerprint : inputs.keys->fingerprints) {
        keys.push_back(fingerprint.c_str());
        // The same commit again carries its signature already.
        if (!ostree_repo_sign_commit(repo, checksum.c_str(), keys.back(), home, nullptr, &error) &&
            !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_EXISTS)) {
            return failed("sign the commit", error);
        }
        g_clear_error(&error);
    }
    keys.push_back(nullptr);
    if (!ostree_repo_set_ref_immediate(repo, nullptr, inputs.ref.c_str(), checksum.c_str(), nullptr, &error)) {
        return failed("set " + inputs.ref, error);
    }
    if (!ostree_repo_regenerate_summary(repo, nullptr, nullptr, &error)) {
        return failed("write the summary", error);
    }
    if (!ostree_repo_add_gpg_signature_summary(repo, keys.data(), home, nullptr, &error)) {
        return failed("sign the summary", error);
    }
    return {};
}

Status pull_into(OstreeSysroot *sysroot, const SysrootInputs &inputs) {
    GError *error = nullptr;
    OstreeRepo *repo = ostree_sysroot_repo(sysroot);
    const std::string source = "file://" + inputs.repository.string();
    GVariantDict options;
    g_variant_dict_init(&options, nullptr);
    const char *refs[] = {inputs.checksum.c_str(), nullptr};
    g_variant_dict_insert_value(&options, "refs", g_variant_new_strv(refs, 1));
    g_variant_dict_insert(&options, "disable-fsync", "b", TRUE); // becomes a disk image first, then durable
    const Variant sunk(g_variant_ref_sink(g_variant_dict_end(&options)));
    if (!ostree_repo_pull_with_options(repo, source.c_str(), sunk.get(), nullptr, nullptr, &error)) {
        return failed("pull into the sysroot", error);
    }
    if (!ostree_repo_set_ref_immediate(repo, "ballast", inputs.ref.c_str(), inputs.checksum.c_str(), nullptr, &error)) {
        return failed("set ballast:" + inputs.ref, error);
    }
    return {};
}

Result<Object<OstreeSysroot>> new_sysroot(const SysrootInputs &inputs) {
    Object<OstreeSysroot> sysroot(ostree_sysroot_new(file(inputs.sysroot).get()));
    GError *error = nullptr;
    if (!ostree_sysroot_ensure_initialized(sysroot.get(), nullptr, &error) ||
        !ostree_sysroot_load(sysroot.get(), nullptr, &error) ||
        !ostree_sysroot_init_osname(sysroot.get(), inputs.stateroot.c_str(), nullptr, &error)) {
        return failed("make sysroot " + inputs.sysroot.string(), error);
    }
    return sysroot;
}

} // namespace

Status make_archive_repository(const fs::path &directory) {
    TRY(make_directories(directory));
    Object<OstreeRepo> repo(ostree_repo_new(file(directory).get()));
    GError *error = nullptr;
    if (!ostree_repo_create(repo.get(), OSTREE_REPO_MODE_ARCHIVE, nullptr, &error)) {
        return failed("make repository " + directory.string(), error);
    }
    return {};
}

Result<std::string> commit_tree(const CommitInputs &inputs, bool publish) {
    const Object<OstreeRepo> repo = TRY(open_repository(inputs.repository));
    GError *error = nullptr;
    if (!ostree_repo_prepare_transaction(repo.get(), nullptr, nullptr, &error)) {
        return failed("begin a transaction in " + inputs.repository.string(), error);
    }
    Result<std::string> checksum = write_commit(repo.get(), inputs);
    if (!checksum.has_value()) {
        (void)ostree_repo_abort_transaction(repo.get(), nullptr, nullptr); // the first error is the one to tell
        return checksum;
    }
    if (!ostree_repo_commit_transaction(repo.get(), nullptr, nullptr, &error)) {
        return failed("end the transaction in " + inputs.repository.string(), error);
    }
    if (publish) {
        TRY(sign_and_publish(repo.get(), inputs, *checksum));
    }
    return checksum;
}

Result<std::string> deploy(const SysrootInputs &inputs) {
    // Read by libostree: our generator instead of grub-mkconfig; no immutable flag, which mke2fs would not copy anyway.
    ::setenv("OSTREE_GRUB2_EXEC", inputs.boot_entries.c_str(), 1);
    ::setenv("OSTREE_SYSROOT_DEBUG", "mutable-deployments", 1);
    const Object<OstreeSysroot> sysroot = TRY(new_sysroot(inputs));
    TRY(pull_into(sysroot.get(), inputs));

    const std::string refspec = "ballast:" + inputs.ref;
    const KeyFile origin(ostree_sysroot_origin_new_from_refspec(sysroot.get(), refspec.c_str()));
    std::vector<char *> arguments;
    for (const std::string &argument : inputs.kernel_arguments) {
        arguments.push_back(const_cast<char *>(argument.c_str())); // libostree only reads them
    }
    arguments.push_back(nullptr);
    GError *error = nullptr;
    OstreeDeployment *made = nullptr;
    if (!ostree_sysroot_deploy_tree(sysroot.get(), inputs.stateroot.c_str(), inputs.checksum.c_str(), origin.get(),
                                    nullptr, arguments.data(), &made, nullptr, &error)) {
        return failed("deploy " + inputs.checksum, error);
    }
    const Object<OstreeDeployment> deployment(made);
    if (!ostree_sysroot_simple_write_deployment(sysroot.get(), inputs.stateroot.c_str(), deployment.get(), nullptr,
                                                OSTREE_SYSROOT_SIMPLE_WRITE_DEPLOYMENT_FLAGS_NO_CLEAN, nullptr,
                                                &error)) {
        return failed("write the boot entries", error);
    }
    const Text path(ostree_sysroot_get_deployment_dirpath(sysroot.get(), deployment.get()));
    std::string keys = TRY(read_file(inputs.trusted_keys));
    TRY(write_file(inputs.sysroot / "ostree/repo/ballast.trustedkeys.gpg", keys));
    return std::string(path.get());
}

std::string short_checksum(const std::string &checksum) {
    const Text bytes(reinterpret_cast<char *>(ostree_checksum_to_bytes(checksum.c_str())));
    return Text(ostree_checksum_b64_from_bytes(reinterpret_cast<const guchar *>(bytes.get()))).get();
}

} // namespace ballast::image_build
