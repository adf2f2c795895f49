# SPDX-License-Identifier: BSD-2-Clause
"""The emitters of gen.py: one method for each generated file."""
import os
import re

# Structs with a device's number inside: the guest's and the host's differ.
PLACES = {"CUmemLocation", "CUmemPoolProps", "CUmemAllocationProp",
          "CUmemAccessDesc"}

HEAD = "/* Generated from xenstore-schema/calls. */\n"


def have_bit(call, p):
    pointers = [q for q in call.params if q.mode not in ("val", "obj", "del")]
    return f"{1 << pointers.index(p)}u"


def is_out(p):
    return p.mode in ("out", "outs", "inout", "ref", "refs")


def c_decl(p):
    sep = "" if p.ctype.endswith("*") else " "
    return f"{p.ctype}{sep}{p.name}"


def wire_type(p):
    """The type of a plain value on the wire; bare pointers travel as u64."""
    if "*" in p.ctype:
        return "uint64_t"
    return p.ctype.replace("const ", "")


def elem(p):
    """Element type of a pointer parameter; bytes where it is void."""
    return "uint8_t" if p.base == "void" else p.base


class Emitter:
    def __init__(self, outdir, calls, ops, digest, kinds):
        self.outdir, self.calls, self.ops = outdir, calls, ops
        self.digest, self.kinds = digest, kinds
        self.generated = [c for c in calls if c.cls in ("sync", "async")]
        self.names = {c.name: c for c in calls}

    def run(self):
        self.write("vgpu_ops.h", self.header())
        self.write("stubs.c", self.stubs())
        self.write("handlers.c", self.handlers())
        self.write("real.h", self.real())
        self.write("libcuda.map", self.export_map())
        self.write("entries.c", self.entries())
        self.write("libcuda.names", self.inner_names())
        self.write("coverage.tsv", self.coverage())

    def write(self, name, text):
        path = os.path.join(self.outdir, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)

    # -- vgpu_ops.h --------------------------------------------------------

    def header(self):
        o = [HEAD, "#ifndef VGPU_OPS_H\n#define VGPU_OPS_H\n",
             "#include <stddef.h>\n#include <stdint.h>\n#include <cuda.h>\n",
             f'#define VGPU_CALLS_HASH_TEXT "{self.digest}"\n'
             f"#define VGPU_CALLS_HASH 0x{self.digest}ull\n",
             "enum vgpu_kind {\n\tKIND_NONE,\n"]
        o += [f"\tKIND_{k.upper()},\n" for k in self.kinds]
        o.append("\tKIND_NR\n};\n\n/* X(op, class) */\n#define VGPU_OPS(X) \\\n")
        every = [(c.name, c.cls) for c in self.generated] + self.ops
        o += [f"\tX({n}, {cls}) \\\n" for n, cls in every]
        o.append("\n\nenum vgpu_op {\n\tOP_PAD,\n"
                 "#define X(name, cls) OP_##name,\n\tVGPU_OPS(X)\n#undef X\n"
                 "\tOP_NR\n};\n\n")
        for c in self.generated:
            o.append(self.wire_structs(c))
        o.append("#endif\n")
        return "".join(o)

    def wire_structs(self, c):
        fin, fout = ["\tuint32_t have;\n"], []
        for p in c.params:
            if p.mode in ("val", "raw"):
                fin.append(f"\t{wire_type(p)} {p.name};\n")
            elif p.mode in ("obj", "del", "new"):
                fin.append(f"\tuint32_t {p.name};\n")
            elif p.mode == "str":
                fin.append(f"\tuint32_t {p.name}_len;\n")
            elif p.mode in ("in", "inout"):
                fin.append(f"\t{elem(p)} {p.name};\n")
            if p.mode in ("out", "inout"):
                fout.append(f"\t{elem(p)} {p.name};\n")
            elif p.mode == "ref":
                fout.append(f"\tuint32_t {p.name};\n")
        if not fout:
            fout = ["\tuint32_t none;\n"]
        return (f"struct in_{c.name} {{\n{''.join(fin)}}};\n"
                f"struct out_{c.name} {{\n{''.join(fout)}}};\n\n")

    # -- stubs.c -----------------------------------------------------------

    def stubs(self):
        o = [HEAD, "#define __CUDA_API_VERSION_INTERNAL\n"
             '#include "frontend/libcuda/vg.h"\n'
             '#include "frontend/libcuda/place.h"\n\n']
        for c in self.calls:
            if c.cls in ("sync", "async"):
                o.append(self.stub(c))
            elif c.cls == "like":
                o.append(self.alias(c))
            elif c.cls == "none" and c.needs:
                o.append(self.refusal(c))
            elif c.cls == "none":
                o.append(f"VG_EXPORT CUresult vg_none_{c.name}(void) "
                         f'__asm__("{c.name}");\n'
                         f"CUresult vg_none_{c.name}(void)\n{{\n"
                         f'\treturn vg_not_supported("{c.name}");\n}}\n\n')
        return "".join(o)

    def signature(self, name, params):
        args = ", ".join(c_decl(p) for p in params) or "void"
        return f"VG_EXPORT CUresult CUDAAPI {name}({args})\n{{\n"

    # Refused, but for what the driver refuses before it.
    def refusal(self, c):
        o = [self.signature(c.name, c.params)]
        o += [f"\t(void){p.name};\n" for p in c.params]
        o.append("\tif (vg_enter())\n\t\treturn vg_enter();\n")
        o += [f"\tif (!({expr}))\n\t\treturn CUDA_ERROR_{result};\n"
              for expr, result in c.needs]
        o.append(f'\treturn vg_not_supported("{c.name}");\n}}\n\n')
        return "".join(o)

    def alias(self, c):
        base = self.names[c.text]
        while base.cls == "like":
            base = self.names[base.text]
        args, pre, post = [], "", ""
        for p in c.params:
            arg = p.name
            if p.ctype == "CUstream" and c.name.endswith("_ptsz"):
                arg = f"{p.name} ? {p.name} : CU_STREAM_PER_THREAD"
            args.append(arg)
        if c.name.endswith(("_ptds", "_ptsz")):
            pre, post = "\tvg_ptds++;\n", "\tvg_ptds--;\n"
        return (self.signature(c.name, c.params) + "\tCUresult r;\n\n" + pre +
                f"\tr = {base.name}({', '.join(args)});\n" + post +
                "\treturn r;\n}\n\n")

    def stub(self, c):
        o = [self.signature(c.name, c.params),
             f"\tstruct in_{c.name} in = {{ 0 }};\n"]
        has_out = any(is_out(p) for p in c.params)
        if has_out:
            o.append(f"\tstruct out_{c.name} out = {{ 0 }};\n")
        o.append("\tCUresult r = vg_enter();\n\n\tif (r)\n\t\treturn r;\n")
        for expr, result in c.needs:
            o.append(f"\tif (!({expr}))\n\t\treturn "
                     f"CUDA_ERROR_{result};\n")
        segs, outs = ["{ &in, sizeof(in) }"], []
        if any(p.mode in ("out", "inout", "ref") for p in c.params):
            outs.append("{ &out, sizeof(out) }")
        elif has_out:
            outs.append("{ &out, sizeof(out) }")
        head, tail, free = [], [], []
        for p in c.params:
            self.stub_param(c, p, o, head, segs, outs, tail, free)
        o += head
        kind = "vg_call" if c.cls == "sync" else "vg_post"
        ni = len(segs)
        o.append(f"\tstruct vg_seg s[] = {{ {', '.join(segs)} }};\n")
        if c.cls == "sync":
            if c.anywhere:
                o.append("\tstruct vg_opts none = { .use_ctx = true };\n")
            if outs:
                o.append(f"\tstruct vg_seg d[] = {{ {', '.join(outs)} }};\n")
            call, last = ("vg_call_opts", ", &none") if c.anywhere else \
                ("vg_call", "")
            back = f"d, {len(outs)}" if outs else "NULL, 0"
            o.append(f"\tr = {call}(OP_{c.name}, s, {ni}, {back}{last});\n")
        else:
            tests = [f"({expr})" for expr in c.sure]
            tests += [f"vg_range_known({a}, vg_bytes({n}, 1))"
                      for a, n in c.known]
            if tests:
                test = " && ".join(tests)
                o.append(f"\tr = {test} ? {kind}(OP_{c.name}, s, {ni}) :\n"
                         f"\t\tvg_call(OP_{c.name}, s, {ni}, NULL, 0);\n")
            else:
                o.append(f"\tr = {kind}(OP_{c.name}, s, {ni});\n")
        streams = [p for p in c.params if p.ctype == "CUstream"]
        if c.touch != "notouch":
            for p in streams:
                o.append(f"\tvg_stream_touch(in.{p.name});\n")
        tail += [f"\t{expr};\n" for expr in c.then]
        if tail:
            o.append("\tif (!r) {\n" + "".join("\t" + t for t in tail) +
                     "\t}\n")
        o += free
        o.append("\treturn r;\n}\n\n")
        return "".join(o)

    def stub_param(self, c, p, o, head, segs, outs, tail, free):
        n, m = p.name, p.mode
        if m == "val" and p.ctype == "CUdevice":
            head.append(f"\tin.{n} = vg_host_device({n});\n")
        elif m == "val":
            cast = "(uint64_t)(uintptr_t)" if "*" in p.ctype else ""
            head.append(f"\tin.{n} = {cast}{n};\n")
            if p.base in PLACES:
                head.append(f"\tvg_place_{p.base}(&in.{n});\n")
        elif m == "raw":
            head.append(f"\tin.{n} = (uint64_t)(uintptr_t){n};\n")
        elif m in ("obj", "del"):
            head.append(f"\tr = vg_handle_in(KIND_{p.kind.upper()}, "
                        f"(uintptr_t){n}, &in.{n});\n"
                        "\tif (r)\n\t\treturn r;\n")
            if p.must:
                head.append(f"\tif (!in.{n})\n\t\treturn "
                            f"CUDA_ERROR_{p.must};\n")
            if p.elsewhere:
                head.append(f"\tvg_event_elsewhere(in.{n});\n")
            if m == "del":
                tail.append(f"\tvg_handle_del(KIND_{p.kind.upper()}, "
                            f"in.{n});\n")
        if m in ("val", "raw", "obj", "del"):
            return
        bit = have_bit(c, p)
        head.append(f"\tin.have |= {n} ? {bit} : 0;\n")
        if m == "str":
            head.append(f"\tin.{n}_len = {n} ? (uint32_t)strlen({n}) + 1 "
                        ": 0;\n")
            segs.append(f"{{ {n}, in.{n}_len }}")
        elif m in ("in", "inout"):
            head.append(f"\tif ({n})\n\t\tin.{n} = *{n};\n")
            if p.base in PLACES:
                head.append(f"\tvg_place_{p.base}(&in.{n});\n")
            if p.fix:
                head.append(f"\tif ({n} && (r = vg_fix_{p.base}(&in.{n})))\n"
                            "\t\treturn r;\n")
        elif m == "ins" and p.base in PLACES:
            head.append(f"\tAUTO_FREE {p.base} *{n}_w = NULL;\n"
                        f"\tif ({n}) {{\n\t\tif (({p.count}) > VG_CAP_MAX)\n"
                        "\t\t\treturn CUDA_ERROR_INVALID_VALUE;\n"
                        f"\t\t{n}_w = malloc(({p.count}) * sizeof(*{n}_w) "
                        f"+ 1);\n\t\tif (!{n}_w)\n"
                        "\t\t\treturn CUDA_ERROR_OUT_OF_MEMORY;\n"
                        f"\t\tfor (size_t i = 0; i < ({p.count}); i++) {{\n"
                        f"\t\t\t{n}_w[i] = {n}[i];\n"
                        f"\t\t\tvg_place_{p.base}(&{n}_w[i]);\n"
                        "\t\t}\n\t}\n")
            segs.append(f"{{ {n}_w, {n} ? vg_bytes({p.count}, "
                        f"sizeof({elem(p)})) : 0 }}")
        elif m == "ins":
            segs.append(f"{{ {n}, {n} ? vg_bytes({p.count}, "
                        f"sizeof({elem(p)})) : 0 }}")
        elif m == "objs":
            head.append(f"\tAUTO_FREE uint32_t *{n}_ids = NULL;\n"
                        f"\tif ({n} && (r = vg_handles_in("
                        f"KIND_{p.kind.upper()}, (const uint64_t *){n}, "
                        f"{p.count}, &{n}_ids)))\n\t\treturn r;\n")
            segs.append(f"{{ {n}_ids, {n} ? vg_bytes({p.count}, 4) : 0 }}")
        if m in ("out", "inout"):
            tail.append(f"\tif ({n})\n\t\t\t*{n} = out.{n};\n")
            if p.fix:
                tail.append(f"\tif ({n})\n\t\t\tvg_unfix_{p.base}({n});\n")
            if p.base in PLACES:
                tail.append(f"\tif ({n})\n\t\t\tvg_unplace_{p.base}"
                            f"({n});\n")
        elif m == "ref":
            tail.append(f"\tif ({n})\n\t\t\t*{n} = ({p.base})"
                        f"vg_handle_out(KIND_{p.kind.upper()}, "
                        f"out.{n});\n")
        elif m == "outs":
            outs.append(f"{{ {n}, {n} ? vg_bytes({p.count}, "
                        f"sizeof({elem(p)})) : 0 }}")
        elif m == "refs":
            head.append(f"\tsize_t {n}_cap = {n} ? ({p.count}) : 0;\n"
                        f"\tAUTO_FREE uint32_t *{n}_ids = "
                        f"calloc({n}_cap + 1, 4);\n"
                        f"\tif (!{n}_ids)\n"
                        "\t\treturn CUDA_ERROR_OUT_OF_MEMORY;\n")
            outs.append(f"{{ {n}_ids, vg_bytes({n}_cap, 4) }}")
            tail.append(f"\tfor (size_t i = 0; i < {n}_cap; i++)\n\t\t\t"
                        f"if ({n}_ids[i])\n\t\t\t\t{n}[i] = ({p.base})"
                        f"vg_handle_out(KIND_{p.kind.upper()}, "
                        f"{n}_ids[i]);\n")
        elif m == "new":
            head.append(f"\tif (!{n})\n\t\treturn CUDA_ERROR_INVALID_VALUE;\n"
                        f"\tr = vg_handle_new(KIND_{p.kind.upper()}, "
                        f"&in.{n});\n\tif (r)\n\t\treturn r;\n")
            free.append(f"\tif (r)\n\t\tvg_handle_del("
                        f"KIND_{p.kind.upper()}, in.{n});\n"
                        f"\telse\n\t\t*{n} = ({p.base})vg_handle_out("
                        f"KIND_{p.kind.upper()}, in.{n});\n")

    # -- handlers.c --------------------------------------------------------

    def handlers(self):
        o = [HEAD, "#define __CUDA_API_VERSION_INTERNAL\n"
             '#include "cuda-exec/exec_internal.h"\n\n']
        for c in self.generated:
            o.append(self.handler(c))
        o.append("\nconst struct ex_op ex_ops[OP_NR] = {\n")
        every = [(c.name, c.cls) for c in self.generated] + self.ops
        for n, cls in every:
            sync = "true" if cls == "sync" else "false"
            o.append(f'\t[OP_{n}] = {{ "{n}", ex_{n}, {sync} }},\n')
        o.append("};\n")
        return "".join(o)

    def handler(self, c):
        n = c.name
        o = [f"CUresult ex_{n}(struct ex *e, struct vgpu_rd *rd, "
             "struct vgpu_wr *wr)\n{\n",
             f"\tconst struct in_{n} *in = rd_take(rd, sizeof(*in));\n"]
        outs = [p for p in c.params if is_out(p)]
        if outs:
            o.append(f"\tstruct out_{n} *out = wr_take(wr, sizeof(*out));\n")
        o.append("\tCUresult r;\n\n\t(void)e;\n\t(void)wr;\n\tif (!in"
                 + (" || !out" if outs else "") + ")\n\t\treturn EX_BAD;\n"
                 f"\tif (!R.{n})\n\t\treturn CUDA_ERROR_NOT_SUPPORTED;\n")
        args, post = [], []
        # values first: array counts are expressions of them
        order = sorted(c.params, key=lambda p: p.mode in
                       ("ins", "outs", "refs", "objs"))
        pieces = {p.name: self.handler_param(c, p) for p in c.params}
        segs = [p for p in c.params if p.mode in ("str", "ins", "objs")]
        for p in order:
            if p not in segs:
                o += pieces[p.name][0]
        for p in segs:
            o += pieces[p.name][0]
        o.append("\tif (rd->bad || wr->bad)\n\t\treturn EX_BAD;\n")
        for expr, result in c.needs:
            o.append(f"\tif (!({expr}))\n\t\treturn "
                     f"CUDA_ERROR_{result};\n")
        for p in c.params:
            args.append(pieces[p.name][1])
            post += pieces[p.name][2]
        for addr, size in c.known:
            o.append(f"\tr = ex_reach(e, {addr}, {size});\n"
                     "\tif (r)\n\t\treturn r;\n")
        if c.touch != "notouch":
            for p in c.params:
                if p.ctype == "CUstream":
                    o.append(f"\tex_stream_touch(e, in->{p.name});\n")
        o.append(f"\tr = R.{n}({', '.join(args)});\n")
        if post:
            o.append("\tif (!r) {\n" + "".join(post) + "\t}\n")
        o.append("\treturn r;\n}\n\n")
        return "".join(o)

    def handler_param(self, c, p):
        n, m, K = p.name, p.mode, (p.kind or "").upper()
        bit = have_bit(c, p) if m not in ("val", "obj", "del") else None
        if m in ("val", "raw"):
            cast = "(void *)(uintptr_t)" if "*" in p.ctype else ""
            if "*" in p.ctype:
                return ([f"\t{p.ctype}{n} = ({p.ctype})(uintptr_t)in->{n};\n"],
                        n, [])
            return [f"\t{p.ctype} {n} = {cast}in->{n};\n"], n, []
        if m in ("obj", "del"):
            get = [f"\t{p.ctype} {n};\n\tr = ex_obj(e, KIND_{K}, in->{n}, "
                   f"(uint64_t *)&{n});\n\tif (r)\n\t\treturn r;\n"]
            post = []
            if m == "del":
                post = [f"\t\tex_obj_del(e, KIND_{K}, in->{n});\n"]
            return get, n, post
        given = f"(in->have & {bit})"
        if m == "str":
            return ([f"\tconst char *{n} = {given} ? "
                     f"rd_string(rd, in->{n}_len) : NULL;\n"], n, [])
        if m == "in":
            o = [f"\t{elem(p)} {n}_v = in->{n};\n"]
            if p.fix:
                o.append(f"\tif ({given} && (r = ex_fix_{p.base}(e, &{n}_v)))"
                         "\n\t\treturn r;\n")
            if p.own:
                o.append(f"\tif ({given} && (r = ex_known_{p.base}(&{n}_v, 1)))"
                         "\n\t\treturn r;\n")
            return o, f"{given} ? &{n}_v : NULL", []
        if m in ("out", "inout"):
            o = []
            if m == "inout":
                o.append(f"\tout->{n} = in->{n};\n")
                if p.fix:
                    o.append(f"\tif ({given} && (r = ex_fix_{p.base}(e, "
                             f"&out->{n})))\n\t\treturn r;\n")
            o.append(f"\t{elem(p)} *{n} = {given} ? &out->{n} : NULL;\n")
            post = []
            if p.fix:
                post = [f"\t\tif ({given})\n\t\t\tex_unfix_{p.base}(e, "
                        f"&out->{n});\n"]
            if p.own:
                post = [f"\t\tif ({given})\n\t\t\tex_learn_{p.base}("
                        f"&out->{n}, 1);\n"]
            arg = f"(void *){n}" if p.base == "void" else n
            return o, arg, post
        if m == "ins":
            o = [f"\tconst {elem(p)} *{n} = {given} ? "
                 f"rd_array(rd, {p.count}, sizeof({elem(p)})) : NULL;\n"]
            if p.own:
                o.append(f"\tif ({n} && (r = ex_known_{p.base}({n}, "
                         f"{p.count})))\n\t\treturn r;\n")
            return o, f"({p.ctype})(uintptr_t){n}", []
        if m == "outs":
            o = [f"\t{elem(p)} *{n} = {given} ? "
                 f"wr_array(wr, {p.count}, sizeof({elem(p)})) : NULL;\n"]
            post = []
            if p.own:
                o.append(f"\tsize_t {n}_room = {n} ? {p.count} : 0;\n")
                post = [f"\t\tex_learn_{p.base}({n}, {n}_room);\n"]
            return o, f"(void *){n}" if p.base == "void" else n, post
        if m == "ref":
            return ([f"\t{p.base} {n}_h = 0;\n"],
                    f"{given} ? &{n}_h : NULL",
                    [f"\t\tif ({given})\n\t\t\tr = ex_obj_ref(e, KIND_{K}, "
                     f"(uint64_t){n}_h, &out->{n});\n"])
        if m == "new":
            return ([f"\t{p.base} {n}_h = 0;\n"], f"&{n}_h",
                    [f"\t\tr = ex_obj_new(e, KIND_{K}, in->{n}, "
                     f"(uint64_t){n}_h);\n"])
        if m == "objs":
            return ([f"\tconst uint32_t *{n}_ids = {given} ? "
                     f"rd_array(rd, {p.count}, 4) : NULL;\n"
                     f"\tAUTO_FREE {p.base} *{n} = NULL;\n"
                     f"\tif ({n}_ids && (r = ex_objs(e, KIND_{K}, {n}_ids, "
                     f"{p.count}, (uint64_t **)&{n})))\n\t\treturn r;\n"],
                    n, [])
        if m == "refs":
            return ([f"\tsize_t {n}_cap = {given} ? ({p.count}) : 0;\n"
                     f"\tuint32_t *{n}_ids = wr_array(wr, {n}_cap, 4);\n"
                     f"\tAUTO_FREE {p.base} *{n} = wr->bad ? NULL : "
                     f"calloc({n}_cap + 1, sizeof(*{n}));\n"
                     f"\tif (!{n})\n\t\treturn EX_BAD;\n"],
                    f"{given} ? {n} : NULL",
                    [f"\t\tif (!r)\n\t\t\tr = ex_refs(e, KIND_{K}, "
                     f"(const uint64_t *){n}, {n}_cap, {n}_ids);\n"])
        raise ValueError(m)

    # -- the rest ----------------------------------------------------------

    def real(self):
        o = [HEAD, "/* X(name): functions of the host's driver */\n"
             "#define REAL_CALLS(X) \\\n"]
        for c in self.calls:
            if c.cls not in ("like", "none") and c.params is not None:
                o.append(f"\tX({c.name}) \\\n")
        o.append("\n")
        return "".join(o)

    def export_map(self):
        names = "".join(f"\t{c.name};\n" for c in
                        sorted(self.calls, key=lambda c: c.name))
        return "{\nglobal:\n" + names + "local:\n\t*;\n};\n"

    # Every exported name is a few instructions that count the call when
    # VGPU_TRACE asks for it, and go to the function, which the link step
    # renames to vg_api_NAME. Calls inside the library are not counted.

    def entries(self):
        names = sorted(c.name for c in self.calls)
        o = [HEAD, '#include "frontend/libcuda/trace.h"\n\n',
             f"const unsigned int vg_trace_names = {len(names) + 1};\n"
             "const char *const vg_trace_name[] = {\n\t\"(library)\",\n"]
        o += [f'\t"{n}",\n' for n in names]
        o.append("};\n\n__asm__(VG_ENTRY_MACRO\n")
        o += [f'\t"vg_entry {n} {i}\\n"\n' for i, n in enumerate(names, 1)]
        o.append(");\n")
        return "".join(o)

    def inner_names(self):
        return "".join(f"{c.name} vg_api_{c.name}\n" for c in self.calls)

    def coverage(self):
        rows = []
        for c in sorted(self.calls, key=lambda c: c.name):
            base = c
            while base.cls == "like":
                base = self.names[base.text]
            cls = {"sync": "forwarded", "async": "forwarded",
                   "none": "not supported"}.get(base.cls, base.cls)
            why = base.text if base.cls == "none" else ""
            if base is not c:
                why = (why + f" as {base.name}").strip()
            rows.append(f"{c.name}\t{cls}\t{why}\n")
        return "".join(rows)
