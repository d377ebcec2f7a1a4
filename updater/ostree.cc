// SPDX-License-Identifier: Apache-2.0
#include "updater/ostree.h"

#include "base/file_io.h"
#include "updater/ostree_sysroot.h"
#include "updater/remote_file.h"

namespace ballast::updater {

namespace fs = std::filesystem;
using namespace glib;

namespace {

std::string metadata_text(GVariant *commit, const char *key) {
    const Variant metadata(g_variant_get_child_value(commit, 0));
    const char *text = nullptr;
    return g_variant_lookup(metadata.get(), key, "&s", &text) ? text : "";
}

std::vector<std::string> arguments_of(OstreeDeployment *one) {
    OstreeBootconfigParser *config = ostree_deployment_get_bootconfig(one);
    const char *options = config != nullptr ? ostree_bootconfig_parser_get(config, "options") : nullptr;
    const KernelArguments arguments(ostree_kernel_args_from_string(options));
    const Texts texts(ostree_kernel_args_to_strv(arguments.get()));
    std::vector<std::string> list;
    for (char **text = texts.get(); text != nullptr && *text != nullptr; text++) {
        if (!std::string_view(*text).starts_with("ostree=")) {
            list.emplace_back(*text);
        }
    }
    return list;
}

std::string name_of(OstreeDeployment *one) {
    return std::string(ostree_deployment_get_csum(one)) + "." + std::to_string(ostree_deployment_get_deployserial(one));
}

Result<Texts> changed_arguments(OstreeDeployment *base, const KernelArgumentChanges &changes) {
    OstreeBootconfigParser *config = base != nullptr ? ostree_deployment_get_bootconfig(base) : nullptr;
    const char *options = config != nullptr ? ostree_bootconfig_parser_get(config, "options") : nullptr;
    const KernelArguments arguments(ostree_kernel_args_from_string(options));
    GError *error = nullptr;
    for (const std::string &argument : changes.remove) {
        if (!ostree_kernel_args_delete(arguments.get(), argument.c_str(), &error)) {
            return std::unexpected(Error{EINVAL, failed("remove kernel argument " + argument, error).error().message});
        }
    }
    for (const std::string &argument : changes.replace) {
        if (!ostree_kernel_args_new_replace(arguments.get(), argument.c_str(), &error)) {
            return std::unexpected(Error{EINVAL, failed("replace kernel argument " + argument, error).error().message});
        }
    }
    for (const std::string &argument : changes.append) {
        ostree_kernel_args_append(arguments.get(), argument.c_str());
    }
    // libostree gives each deployment its own.
    (void)ostree_kernel_args_delete_key_entry(arguments.get(), "ostree", nullptr);
    return Texts(ostree_kernel_args_to_strv(arguments.get()));
}

} // namespace

CommitInfo info_of(const std::string &checksum, GVariant *commit) {
    return {.checksum = checksum,
            .version = metadata_text(commit, "version"),
            .timestamp = ostree_commit_get_timestamp(commit)};
}

Result<Variant> load_commit(OstreeRepo *repo, const std::string &checksum) {
    GError *error = nullptr;
    GVariant *commit = nullptr;
    if (!ostree_repo_load_commit(repo, checksum.c_str(), &commit, nullptr, &error)) {
        return failed("read commit " + checksum, error);
    }
    return Variant(commit);
}

Result<Object<OstreeSysroot>> Sysroot::Data::load() const {
    Object<OstreeSysroot> sysroot(ostree_sysroot_new(file(places.sysroot).get()));
    if (places.sysroot == "/") {
        // The service has a mount namespace of its own, in which libostree may make /sysroot and /boot writable.
        ostree_sysroot_set_mount_namespace_in_use(sysroot.get());
    }
    GError *error = nullptr;
    if (!ostree_sysroot_load(sysroot.get(), nullptr, &error)) {
        return failed("read the deployments of " + places.sysroot.string(), error);
    }
    return sysroot;
}

Result<Object<OstreeSysroot>> Sysroot::Data::lock() const {
    Object<OstreeSysroot> sysroot = TRY(load());
    GError *error = nullptr;
    gboolean acquired = FALSE;
    if (!ostree_sysroot_try_lock(sysroot.get(), &acquired, &error)) {
        return failed("lock the deployments of " + places.sysroot.string(), error);
    }
    if (acquired == FALSE) {
        return fail(EBUSY, "another program changes the deployments just now");
    }
    if (!ostree_sysroot_load_if_changed(sysroot.get(), nullptr, nullptr, &error)) {
        return failed("read the deployments of " + places.sysroot.string(), error);
    }
    return sysroot;
}

Result<Object<OstreeRepo>> Sysroot::Data::open_repository(const Source &source) const {
    const fs::path remotes = places.run / "remotes.d";
    TRY(make_directories(remotes, 0700));
    TRY(write_file(remotes / "ballast.conf", remote_file(source), 0600));
    const fs::path path = places.sysroot / "ostree/repo";
    Object<OstreeRepo> repo(
        OSTREE_REPO(g_object_new(OSTREE_TYPE_REPO, "path", file(path).get(), "sysroot-path", file(places.sysroot).get(),
                                 "remotes-config-dir", fs::absolute(remotes).c_str(), nullptr)));
    GError *error = nullptr;
    if (!ostree_repo_open(repo.get(), nullptr, &error)) {
        return failed("open repository " + path.string(), error);
    }
    return repo;
}

const char *Sysroot::Data::stateroot(OstreeSysroot *sysroot) const {
    OstreeDeployment *booted = ostree_sysroot_get_booted_deployment(sysroot);
    return booted != nullptr ? ostree_deployment_get_osname(booted) : places.stateroot.c_str();
}

Sysroot::Sysroot(std::unique_ptr<Data> data) : data_(std::move(data)) {}
Sysroot::Sysroot(Sysroot &&) noexcept = default;
Sysroot::~Sysroot() = default;

Result<Sysroot> Sysroot::open(const Places &places) {
    auto data = std::make_unique<Data>();
    data->places = places;
    (void)TRY(data->load()); // what cannot be read fails here already
    return Sysroot(std::move(data));
}

Result<Deployment> Sysroot::Data::describe(OstreeSysroot *sysroot, OstreeDeployment *one) const {
    Deployment deployment{.commit = {.checksum = ostree_deployment_get_csum(one), .version = {}},
                          .serial = ostree_deployment_get_deployserial(one),
                          .refspec = {},
                          .booted = one == ostree_sysroot_get_booted_deployment(sysroot),
                          .staged = ostree_deployment_is_staged(one) != 0,
                          .pinned = ostree_deployment_is_pinned(one) != 0,
                          .kernel_arguments = arguments_of(one),
                          .directory = {}};
    if (const Result<Variant> commit = load_commit(ostree_sysroot_repo(sysroot), deployment.commit.checksum);
        commit.has_value()) { // a damaged one is still listed
        deployment.commit = info_of(deployment.commit.checksum, commit->get());
    }
    if (GKeyFile *origin = ostree_deployment_get_origin(one); origin != nullptr) {
        const Text refspec(g_key_file_get_string(origin, "origin", "refspec", nullptr));
        deployment.refspec = refspec ? refspec.get() : "";
    }
    deployment.directory = places.sysroot / Text(ostree_sysroot_get_deployment_dirpath(sysroot, one)).get();
    return deployment;
}

Result<std::vector<Deployment>> Sysroot::deployments() {
    const Object<OstreeSysroot> sysroot = TRY(data_->load());
    const Array list(ostree_sysroot_get_deployments(sysroot.get()));
    std::vector<Deployment> deployments;
    for (guint index = 0; index < list->len; index++) {
        auto *one = static_cast<OstreeDeployment *>(g_ptr_array_index(list.get(), index));
        deployments.push_back(TRY(data_->describe(sysroot.get(), one)));
    }
    return deployments;
}

Status Sysroot::deploy(const Deploying &deploying) {
    const Object<OstreeSysroot> sysroot = TRY(data_->lock());
    const std::string stateroot = data_->stateroot(sysroot.get());
    const Object<OstreeDeployment> merge(ostree_sysroot_get_merge_deployment(sysroot.get(), stateroot.c_str()));
    const KeyFile origin(ostree_sysroot_origin_new_from_refspec(sysroot.get(), deploying.refspec.c_str()));
    // /etc comes from what runs, arguments from what is next: changes that wait for a restart are not lost.
    const Array list(ostree_sysroot_get_deployments(sysroot.get()));
    auto *first = list->len > 0 ? static_cast<OstreeDeployment *>(g_ptr_array_index(list.get(), 0)) : nullptr;
    const Texts arguments = TRY(changed_arguments(first, deploying.kernel_arguments));
    OstreeSysrootDeployTreeOpts options{};
    options.override_kernel_argv = arguments.get();
    GError *error = nullptr;
    OstreeDeployment *made = nullptr;
    const bool running = ostree_sysroot_get_booted_deployment(sysroot.get()) != nullptr;
    const auto prepare = running ? ostree_sysroot_stage_tree_with_options : ostree_sysroot_deploy_tree_with_options;
    if (!prepare(sysroot.get(), stateroot.c_str(), deploying.checksum.c_str(), origin.get(), merge.get(), &options,
                 &made, nullptr, &error)) {
        return failed("deploy " + deploying.checksum, error);
    }
    const Object<OstreeDeployment> deployment(made);
    if (!running &&
        !ostree_sysroot_simple_write_deployment(sysroot.get(), stateroot.c_str(), made, merge.get(),
                                                OSTREE_SYSROOT_SIMPLE_WRITE_DEPLOYMENT_FLAGS_NONE, nullptr, &error)) {
        return failed("write the boot entries", error);
    }
    return {};
}

namespace {

Result<OstreeDeployment *> find(OstreeSysroot *sysroot, const std::string &name) {
    const Array list(ostree_sysroot_get_deployments(sysroot));
    for (guint index = 0; index < list->len; index++) {
        auto *one = static_cast<OstreeDeployment *>(g_ptr_array_index(list.get(), index));
        if (name_of(one) == name) {
            return one; // the sysroot owns it
        }
    }
    return fail(ENOENT, "there is no deployment " + name);
}

} // namespace

Status Sysroot::pin(const std::string &name, bool pinned) {
    const Object<OstreeSysroot> sysroot = TRY(data_->lock());
    OstreeDeployment *one = TRY(find(sysroot.get(), name));
    if (ostree_deployment_is_staged(one)) {
        return fail(EBUSY, "what is only prepared cannot be pinned: restart first");
    }
    GError *error = nullptr;
    if (!ostree_sysroot_deployment_set_pinned(sysroot.get(), one, pinned ? TRUE : FALSE, &error)) {
        return failed("pin " + name, error);
    }
    return {};
}

namespace {

Status write_deployments(OstreeSysroot *sysroot, GPtrArray *deployments) {
    OstreeSysrootWriteDeploymentsOpts options{};
    options.do_postclean = TRUE;
    GError *error = nullptr;
    if (!ostree_sysroot_write_deployments_with_options(sysroot, deployments, &options, nullptr, &error)) {
        return failed("write the boot entries", error);
    }
    return {};
}

} // namespace

Status Sysroot::make_first(const std::string &name) {
    const Object<OstreeSysroot> sysroot = TRY(data_->lock());
    OstreeDeployment *first = TRY(find(sysroot.get(), name));
    const Array list(ostree_sysroot_get_deployments(sysroot.get()));
    const Array order(g_ptr_array_new());
    g_ptr_array_add(order.get(), first);
    for (guint index = 0; index < list->len; index++) {
        auto *one = static_cast<OstreeDeployment *>(g_ptr_array_index(list.get(), index));
        if (one != first && !ostree_deployment_is_staged(one)) {
            g_ptr_array_add(order.get(), one);
        }
    }
    return write_deployments(sysroot.get(), order.get());
}

Status Sysroot::remove(const std::string &name) {
    const Object<OstreeSysroot> sysroot = TRY(data_->lock());
    OstreeDeployment *gone = TRY(find(sysroot.get(), name));
    if (gone == ostree_sysroot_get_booted_deployment(sysroot.get()) || ostree_deployment_is_pinned(gone)) {
        return fail(EBUSY, "deployment " + name + " runs or is pinned");
    }
    const Array list(ostree_sysroot_get_deployments(sysroot.get()));
    g_ptr_array_remove(list.get(), gone);
    return write_deployments(sysroot.get(), list.get());
}

Status Sysroot::clean_up() {
    const Object<OstreeSysroot> sysroot = TRY(data_->lock());
    GError *error = nullptr;
    if (!ostree_sysroot_cleanup(sysroot.get(), nullptr, &error)) {
        return failed("clean up", error);
    }
    return {};
}

} // namespace ballast::updater
