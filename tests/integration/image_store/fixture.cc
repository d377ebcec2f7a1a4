// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/image_store/fixture.h"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/root_dir.h"
#include "runtime/image/decompress.h"
#include "runtime/image/snapshot.h"

namespace ballast::image {
namespace {

namespace fs = std::filesystem;

std::string gzipped(std::string_view text) {
    std::string out;
    GzipWriter writer([&](std::string_view bytes) -> Status {
        out += bytes;
        return {};
    });
    must(writer.write(text));
    must(writer.close());
    return out;
}

Descriptor descriptor_of(std::string_view bytes, std::string_view type) {
    return {.media_type = std::string(type), .digest = Digest::of(bytes), .size = bytes.size()};
}

Status receive_all(Intake &intake, const std::vector<LayerNeed> &needs,
                   const std::function<std::string(const LayerNeed &)> &content) {
    for (std::size_t place = 0; place < needs.size(); place++) {
        const std::unique_ptr<LayerIntake> layer = TRY(intake.receive(place));
        const std::string bytes = content(needs[place]);
        TRY(layer->write(std::string_view(bytes).substr(layer->offset())));
        TRY(layer->finish());
    }
    return {};
}

} // namespace

Workshop::Workshop()
    : directory(must(TemporaryDirectory::create("/tmp", "image-store-"))), root(directory.path() / "s") {
    reopen();
}

void Workshop::reopen() {
    store.reset();
    store = must(ImageStore::open(
        {.root = root,
         .containers = [this] { return containers; },
         .event = [this](std::string_view action, const Digest &,
                         const std::string &name) { events.push_back(std::string(action) + " " + name); },
         .warn = [this](const std::string &text) { warnings.push_back(text); }}));
}

Result<Digest> Workshop::try_add(const std::vector<std::string> &archives, const std::string &name,
                                 const RunConfig &run_config) {
    ImageConfig config{.created = "2025-01-01T00:00:00Z", .platform = Platform::own(), .config = run_config};
    Manifest manifest{.media_type = std::string(kOciManifest), .config = {}, .layers = {}, .annotations = {}};
    std::map<Digest, std::string> blobs;
    for (const std::string &archive : archives) {
        const std::string blob = gzipped(archive);
        config.diff_ids.push_back(Digest::of(archive));
        config.history.push_back({.created = config.created, .created_by = "layer"});
        manifest.layers.push_back(descriptor_of(blob, kOciLayerGzip));
        blobs[manifest.layers.back().digest] = blob;
    }
    const std::string config_text = image_config_text(config);
    manifest.config = descriptor_of(config_text, kOciConfig);
    const std::string text = manifest_text(manifest);
    const std::unique_ptr<Intake> intake = store->begin();
    TRY(intake->keep(manifest.config, config_text));
    TRY(intake->keep(descriptor_of(text, kOciManifest), text));
    const std::vector<LayerNeed> needs = TRY(intake->expect(descriptor_of(text, kOciManifest)));
    TRY(receive_all(*intake, needs, [&](const LayerNeed &need) { return blobs.at(need.blob.digest); }));
    return intake->finish({TRY(Reference::parse_with_default_tag(name))});
}

Digest Workshop::add(const std::vector<std::string> &archives, const std::string &name, const RunConfig &config) {
    return must(try_add(archives, name, config));
}

Digest Workshop::add_layout(const fs::path &layout, const std::string &name) {
    const auto blob = [&](const Descriptor &what) {
        return must(read_file(layout / "blobs/sha256" / what.digest.hex()));
    };
    Descriptor descriptor = must(parse_index(must(read_file(layout / "index.json")), "index")).manifests.at(0);
    const std::unique_ptr<Intake> intake = store->begin();
    while (must(document_kind(blob(descriptor), descriptor.media_type, "document")) == MediaKind::kIndex) {
        descriptor = must(choose_manifest(must(parse_index(blob(descriptor), "index")), Platform::own(), "index"));
    }
    const Manifest manifest = must(parse_manifest(blob(descriptor), "manifest"));
    must(intake->keep(descriptor, blob(descriptor)));
    must(intake->keep(manifest.config, blob(manifest.config)));
    const std::vector<LayerNeed> needs = must(intake->expect(descriptor));
    must(receive_all(*intake, needs, [&](const LayerNeed &need) { return blob(need.blob); }));
    return must(intake->finish({must(Reference::parse_with_default_tag(name))}));
}

std::string tar_of(const std::vector<TarEntry> &entries) {
    std::string bytes;
    TarWriter writer = must(TarWriter::open([&](std::string_view block) -> Status {
        bytes += block;
        return {};
    }));
    for (const TarEntry &entry : entries) {
        if (entry.kind == EntryKind::kFile && !entry.data) {
            TarEntry plain = entry;
            plain.target.clear();
            must(writer.add_file(plain, entry.target));
        } else {
            must(writer.add(entry));
        }
    }
    must(writer.close());
    return bytes;
}

std::string without_end(std::string archive) {
    constexpr std::size_t kBlock = 512;
    while (archive.ends_with(std::string(kBlock, '\0'))) {
        archive.resize(archive.size() - kBlock);
    }
    return archive;
}

TarEntry file(const std::string &path, const std::string &content, mode_t mode) {
    TarEntry entry;
    entry.path = path;
    entry.mode = mode;
    entry.target = content;
    entry.mtime = {.tv_sec = 1'700'000'000, .tv_nsec = 0};
    return entry;
}

TarEntry directory(const std::string &path, mode_t mode) {
    TarEntry entry = file(path, "", mode);
    entry.kind = EntryKind::kDirectory;
    return entry;
}

TarEntry soft_link(const std::string &path, const std::string &target) {
    TarEntry entry = file(path, target, 0777);
    entry.kind = EntryKind::kSymlink;
    return entry;
}

TarEntry hard_link(const std::string &path, const std::string &target) {
    TarEntry entry = file(path, target);
    entry.kind = EntryKind::kHardLink;
    return entry;
}

ByteSource source_of(std::string bytes) {
    return [bytes = std::move(bytes), at = 0UL](std::span<char> into) mutable -> Result<std::size_t> {
        const std::size_t size = std::min(into.size(), bytes.size() - at);
        std::memcpy(into.data(), bytes.data() + at, size);
        at += size;
        return size;
    };
}

std::vector<std::string> tree_of(const fs::path &root) {
    std::vector<std::string> lines;
    for (const fs::directory_entry &entry : fs::recursive_directory_iterator(root)) {
        struct stat status{};
        REQUIRE(lstat(entry.path().c_str(), &status) == 0);
        std::string line = entry.path().lexically_relative(root).string() + " " + std::to_string(status.st_mode) + " " +
                           std::to_string(status.st_uid) + ":" + std::to_string(status.st_gid);
        if (S_ISREG(status.st_mode)) {
            line += " " + Digest::of(must(read_file(entry.path()))).shown();
        } else if (S_ISLNK(status.st_mode)) {
            line += " " + fs::read_symlink(entry.path()).string();
        }
        lines.push_back(line);
    }
    std::ranges::sort(lines);
    return lines;
}

std::string run_tool(const std::vector<std::string> &arguments) {
    Command command;
    command.arguments = arguments;
    command.timeout = std::chrono::seconds(120);
    return must(run_checked(command));
}

std::string with_mount(Workshop &workshop, const Digest &id, const fs::path &container,
                       const std::function<std::string(const fs::path &)> &body) {
    Snapshot snapshot{.lower = workshop.layers(id)};
    must(make_writable_directories(snapshot, container));
    const fs::path target = container / "rootfs";
    must(make_directories(target));
    const fs::path answer = container / "answer";
    const int status = in_mount_namespace([&] {
        const Status mounted = mount_snapshot(snapshot, target);
        std::string text = mounted.has_value() ? body(target) : mounted.error().message;
        if (const Status unmounted = unmount_snapshot(target); text.empty() && !unmounted.has_value()) {
            text = unmounted.error().message;
        }
        return write_file(answer, text).has_value() ? 0 : 1;
    });
    REQUIRE(status == 0);
    return must(read_file(answer));
}

} // namespace ballast::image
