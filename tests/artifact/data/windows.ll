; ModuleID = 'windows.c'
source_filename = "windows.c"
target datalayout = "e-m:e-p:64:64-i64:64-i128:128-n32:64-S128"
target triple = "bpf"

%struct.anon = type { ptr, ptr, ptr, ptr }
%struct.anon.0 = type { ptr, ptr, ptr, ptr }
%struct.anon.1 = type { ptr, ptr }
%struct.anon.2 = type { ptr, ptr, ptr, ptr }
%struct.anon.3 = type { ptr, ptr, ptr, ptr }
%struct.anon.4 = type { ptr, ptr, ptr, ptr }
%struct.md = type { ptr, ptr, i64, i64, i64, i64, i64, i64, i32, i8, i32, [68 x i8] }
%struct.sa = type { i32, [4 x i32], i16, [4 x i32], i16, i32, i32, i64 }

@m_process_exec = dso_local global %struct.anon zeroinitializer, section ".maps", align 8, !dbg !0
@progs_exec = dso_local global %struct.anon.0 zeroinitializer, section ".maps", align 8, !dbg !37
@events = dso_local global %struct.anon.1 zeroinitializer, section ".maps", align 8, !dbg !61
@progs_connect4 = dso_local global %struct.anon.2 zeroinitializer, section ".maps", align 8, !dbg !53
@rules_process_exec = dso_local global %struct.anon.3 zeroinitializer, section ".maps", align 8, !dbg !5
@rules_net_connect = dso_local global %struct.anon.4 zeroinitializer, section ".maps", align 8, !dbg !29
@llvm.compiler.used = appending global [10 x i8*] [i8* bitcast (i32 (%struct.sa*)* @connect4_adapter to i8*), i8* bitcast (i32 (%struct.sa*)* @connect4_dispatch to i8*), i8* bitcast (%struct.anon.1* @events to i8*), i8* bitcast (i32 (%struct.md*)* @exec_adapter to i8*), i8* bitcast (i32 (%struct.md*)* @exec_dispatch to i8*), i8* bitcast (%struct.anon* @m_process_exec to i8*), i8* bitcast (%struct.anon.2* @progs_connect4 to i8*), i8* bitcast (%struct.anon.0* @progs_exec to i8*), i8* bitcast (%struct.anon.4* @rules_net_connect to i8*), i8* bitcast (%struct.anon.3* @rules_process_exec to i8*)], section "llvm.metadata"

; Function Attrs: noinline nounwind
define dso_local i64 @core_row(i32 noundef %0) local_unnamed_addr #0 !dbg !117 {
  %2 = alloca i32, align 4
  call void @llvm.dbg.value(metadata i32 %0, metadata !121, metadata !DIExpression()), !dbg !124
  %3 = bitcast i32* %2 to i8*, !dbg !125
  call void @llvm.lifetime.start.p0i8(i64 4, i8* nonnull %3) #5, !dbg !125
  call void @llvm.dbg.value(metadata i32 0, metadata !122, metadata !DIExpression()), !dbg !124
  store i32 0, i32* %2, align 4, !dbg !126, !tbaa !127
  call void @llvm.dbg.value(metadata i32* %2, metadata !122, metadata !DIExpression(DW_OP_deref)), !dbg !124
  %4 = call i8* inttoptr (i64 1 to i8* (i8*, i8*)*)(i8* noundef bitcast (%struct.anon* @m_process_exec to i8*), i8* noundef nonnull %3) #5, !dbg !131
  call void @llvm.dbg.value(metadata i8* %4, metadata !123, metadata !DIExpression()), !dbg !124
  %5 = icmp eq i8* %4, null, !dbg !132
  br i1 %5, label %12, label %6, !dbg !134

6:                                                ; preds = %1
  %7 = bitcast i8* %4 to i64*, !dbg !131
  call void @llvm.dbg.value(metadata i64* %7, metadata !123, metadata !DIExpression()), !dbg !124
  %8 = and i32 %0, 31, !dbg !135
  %9 = zext i32 %8 to i64, !dbg !136
  %10 = getelementptr inbounds i64, i64* %7, i64 %9, !dbg !136
  %11 = load i64, i64* %10, align 8, !dbg !136, !tbaa !137
  br label %12, !dbg !139

12:                                               ; preds = %1, %6
  %13 = phi i64 [ %11, %6 ], [ 0, %1 ], !dbg !124
  call void @llvm.lifetime.end.p0i8(i64 4, i8* nonnull %3) #5, !dbg !140
  ret i64 %13, !dbg !140
}

; Function Attrs: mustprogress nofree nosync nounwind readnone speculatable willreturn
declare void @llvm.dbg.declare(metadata, metadata, metadata) #1

; Function Attrs: argmemonly mustprogress nofree nosync nounwind willreturn
declare void @llvm.lifetime.start.p0i8(i64 immarg, i8* nocapture) #2

; Function Attrs: argmemonly mustprogress nofree nosync nounwind willreturn
declare void @llvm.lifetime.end.p0i8(i64 immarg, i8* nocapture) #2

; Function Attrs: noinline nounwind
define dso_local i64 @core(i32 noundef %0, i32 noundef %1) local_unnamed_addr #0 !dbg !141 {
  call void @llvm.dbg.value(metadata i32 %0, metadata !145, metadata !DIExpression()), !dbg !147
  call void @llvm.dbg.value(metadata i32 %1, metadata !146, metadata !DIExpression()), !dbg !147
  %3 = tail call i64 @core_row(i32 noundef %0), !dbg !148
  %4 = tail call i64 @core_row(i32 noundef %1), !dbg !149
  %5 = and i64 %4, %3, !dbg !150
  ret i64 %5, !dbg !151
}

; Function Attrs: nounwind
define dso_local i32 @exec_dispatch(%struct.md* noundef %0) #3 section "process" !dbg !152 {
  call void @llvm.dbg.value(metadata %struct.md* %0, metadata !177, metadata !DIExpression()), !dbg !178
  %2 = bitcast %struct.md* %0 to i8*, !dbg !179
  %3 = tail call i64 inttoptr (i64 5 to i64 (i8*, i8*, i32)*)(i8* noundef %2, i8* noundef bitcast (%struct.anon.0* @progs_exec to i8*), i32 noundef 1) #5, !dbg !180
  ret i32 0, !dbg !181
}

; Function Attrs: nounwind
define dso_local i32 @exec_adapter(%struct.md* noundef %0) #3 section "process/exec" !dbg !182 {
  %2 = alloca [32 x i64], align 8
  %3 = alloca i64, align 8
  call void @llvm.dbg.value(metadata %struct.md* %0, metadata !184, metadata !DIExpression()), !dbg !188
  %4 = bitcast [32 x i64]* %2 to i8*, !dbg !189
  call void @llvm.lifetime.start.p0i8(i64 256, i8* nonnull %4) #5, !dbg !189
  call void @llvm.dbg.declare(metadata [32 x i64]* %2, metadata !185, metadata !DIExpression()), !dbg !190
  %5 = getelementptr inbounds %struct.md, %struct.md* %0, i64 0, i32 9, !dbg !191
  %6 = load i8, i8* %5, align 4, !dbg !191, !tbaa !193
  %7 = icmp eq i8 %6, 0, !dbg !196
  br i1 %7, label %8, label %20, !dbg !197

8:                                                ; preds = %1
  %9 = bitcast %struct.md* %0 to i8*, !dbg !198
  %10 = call i32 inttoptr (i64 65536 to i32 (i8*, i8*, i32)*)(i8* noundef %9, i8* noundef nonnull %4, i32 noundef 256) #5, !dbg !199
  call void @llvm.dbg.value(metadata i32 %10, metadata !186, metadata !DIExpression()), !dbg !188
  %11 = bitcast i64* %3 to i8*, !dbg !200
  call void @llvm.lifetime.start.p0i8(i64 8, i8* nonnull %11) #5, !dbg !200
  %12 = getelementptr inbounds %struct.md, %struct.md* %0, i64 0, i32 2, !dbg !201
  %13 = load i64, i64* %12, align 8, !dbg !201, !tbaa !202
  %14 = trunc i64 %13 to i32, !dbg !203
  %15 = call i64 @core(i32 noundef %10, i32 noundef %14), !dbg !204
  call void @llvm.dbg.value(metadata i64 %15, metadata !187, metadata !DIExpression()), !dbg !188
  store i64 %15, i64* %3, align 8, !dbg !205, !tbaa !137
  %16 = icmp eq i64 %15, 0, !dbg !206
  br i1 %16, label %19, label %17, !dbg !208

17:                                               ; preds = %8
  call void @llvm.dbg.value(metadata i64* %3, metadata !187, metadata !DIExpression(DW_OP_deref)), !dbg !188
  %18 = call i64 inttoptr (i64 11 to i64 (i8*, i8*, i64, i64)*)(i8* noundef bitcast (%struct.anon.1* @events to i8*), i8* noundef nonnull %11, i64 noundef 8, i64 noundef 0) #5, !dbg !209
  br label %19, !dbg !209

19:                                               ; preds = %17, %8
  call void @llvm.lifetime.end.p0i8(i64 8, i8* nonnull %11) #5, !dbg !210
  br label %20

20:                                               ; preds = %1, %19
  call void @llvm.lifetime.end.p0i8(i64 256, i8* nonnull %4) #5, !dbg !210
  ret i32 0, !dbg !210
}

; Function Attrs: nounwind
define dso_local i32 @connect4_dispatch(%struct.sa* noundef %0) #3 section "cgroup/connect4" !dbg !211 {
  call void @llvm.dbg.value(metadata %struct.sa* %0, metadata !229, metadata !DIExpression()), !dbg !230
  %2 = bitcast %struct.sa* %0 to i8*, !dbg !231
  %3 = tail call i64 inttoptr (i64 5 to i64 (i8*, i8*, i32)*)(i8* noundef %2, i8* noundef bitcast (%struct.anon.2* @progs_connect4 to i8*), i32 noundef 1) #5, !dbg !232
  ret i32 1, !dbg !233
}

; Function Attrs: nounwind
define dso_local i32 @connect4_adapter(%struct.sa* nocapture noundef readonly %0) #3 section "cgroup/connect4/adapter" !dbg !234 {
  call void @llvm.dbg.value(metadata %struct.sa* %0, metadata !236, metadata !DIExpression()), !dbg !237
  %2 = getelementptr inbounds %struct.sa, %struct.sa* %0, i64 0, i32 3, i64 0, !dbg !238
  %3 = load i32, i32* %2, align 8, !dbg !238, !tbaa !127
  %4 = getelementptr inbounds %struct.sa, %struct.sa* %0, i64 0, i32 4, !dbg !239
  %5 = load i16, i16* %4, align 8, !dbg !239, !tbaa !240
  %6 = zext i16 %5 to i32, !dbg !243
  %7 = tail call i64 @core(i32 noundef %3, i32 noundef %6), !dbg !244
  %8 = icmp ne i64 %7, 7, !dbg !245
  %9 = zext i1 %8 to i32, !dbg !245
  ret i32 %9, !dbg !246
}

; Function Attrs: nofree nosync nounwind readnone speculatable willreturn
declare void @llvm.dbg.value(metadata, metadata, metadata) #4

attributes #0 = { noinline nounwind "frame-pointer"="all" "min-legal-vector-width"="0" "no-trapping-math"="true" "stack-protector-buffer-size"="8" "target-cpu"="v3" }
attributes #1 = { mustprogress nofree nosync nounwind readnone speculatable willreturn }
attributes #2 = { argmemonly mustprogress nofree nosync nounwind willreturn }
attributes #3 = { nounwind "frame-pointer"="all" "min-legal-vector-width"="0" "no-trapping-math"="true" "stack-protector-buffer-size"="8" "target-cpu"="v3" }
attributes #4 = { nofree nosync nounwind readnone speculatable willreturn }
attributes #5 = { nounwind }

!llvm.dbg.cu = !{!2}
!llvm.module.flags = !{!113, !114, !115, !116}

!0 = !DIGlobalVariableExpression(var: !1, expr: !DIExpression())
!1 = distinct !DIGlobalVariable(name: "m_process_exec", scope: !2, file: !7, line: 6, type: !99, isLocal: false, isDefinition: true)
!2 = distinct !DICompileUnit(language: DW_LANG_C99, file: !3, isOptimized: true, runtimeVersion: 0, emissionKind: FullDebug, globals: !4, nameTableKind: None)
!3 = !DIFile(filename: "windows.c", directory: ".", checksumkind: CSK_MD5, checksum: "0af6051384dc9c405c21766372782dfe")
!4 = !{!0, !5, !29, !37, !53, !61, !75, !83, !89, !94}
!5 = !DIGlobalVariableExpression(var: !6, expr: !DIExpression())
!6 = distinct !DIGlobalVariable(name: "rules_process_exec", scope: !2, file: !7, line: 7, type: !8, isLocal: false, isDefinition: true)
!7 = !DIFile(filename: "./common.h", directory: ".", checksumkind: CSK_MD5, checksum: "243a2cbc0ecd22d22fc1469a8565e5dc")
!8 = distinct !DICompositeType(tag: DW_TAG_structure_type, file: !7, line: 7, size: 256, elements: !9)
!9 = !{!10, !16, !21, !25}
!10 = !DIDerivedType(tag: DW_TAG_member, name: "type", scope: !8, file: !7, line: 7, baseType: !11, size: 64)
!11 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !12, size: 64)
!12 = !DICompositeType(tag: DW_TAG_array_type, baseType: !13, size: 64, elements: !14)
!13 = !DIBasicType(name: "int", size: 32, encoding: DW_ATE_signed)
!14 = !{!15}
!15 = !DISubrange(count: 2)
!16 = !DIDerivedType(tag: DW_TAG_member, name: "max_entries", scope: !8, file: !7, line: 7, baseType: !17, size: 64, offset: 64)
!17 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !18, size: 64)
!18 = !DICompositeType(tag: DW_TAG_array_type, baseType: !13, size: 128, elements: !19)
!19 = !{!20}
!20 = !DISubrange(count: 4)
!21 = !DIDerivedType(tag: DW_TAG_member, name: "key", scope: !8, file: !7, line: 7, baseType: !22, size: 64, offset: 128)
!22 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !23, size: 64)
!23 = !DIDerivedType(tag: DW_TAG_typedef, name: "u32", file: !7, line: 4, baseType: !24)
!24 = !DIBasicType(name: "unsigned int", size: 32, encoding: DW_ATE_unsigned)
!25 = !DIDerivedType(tag: DW_TAG_member, name: "value", scope: !8, file: !7, line: 7, baseType: !26, size: 64, offset: 192)
!26 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !27, size: 64)
!27 = !DIDerivedType(tag: DW_TAG_typedef, name: "u64", file: !7, line: 4, baseType: !28)
!28 = !DIBasicType(name: "unsigned long long", size: 64, encoding: DW_ATE_unsigned)
!29 = !DIGlobalVariableExpression(var: !30, expr: !DIExpression())
!30 = distinct !DIGlobalVariable(name: "rules_net_connect", scope: !2, file: !7, line: 8, type: !31, isLocal: false, isDefinition: true)
!31 = distinct !DICompositeType(tag: DW_TAG_structure_type, file: !7, line: 8, size: 256, elements: !32)
!32 = !{!33, !34, !35, !36}
!33 = !DIDerivedType(tag: DW_TAG_member, name: "type", scope: !31, file: !7, line: 8, baseType: !11, size: 64)
!34 = !DIDerivedType(tag: DW_TAG_member, name: "max_entries", scope: !31, file: !7, line: 8, baseType: !17, size: 64, offset: 64)
!35 = !DIDerivedType(tag: DW_TAG_member, name: "key", scope: !31, file: !7, line: 8, baseType: !22, size: 64, offset: 128)
!36 = !DIDerivedType(tag: DW_TAG_member, name: "value", scope: !31, file: !7, line: 8, baseType: !26, size: 64, offset: 192)
!37 = !DIGlobalVariableExpression(var: !38, expr: !DIExpression())
!38 = distinct !DIGlobalVariable(name: "progs_exec", scope: !2, file: !7, line: 9, type: !39, isLocal: false, isDefinition: true)
!39 = distinct !DICompositeType(tag: DW_TAG_structure_type, file: !7, line: 9, size: 256, elements: !40)
!40 = !{!41, !46, !51, !52}
!41 = !DIDerivedType(tag: DW_TAG_member, name: "type", scope: !39, file: !7, line: 9, baseType: !42, size: 64)
!42 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !43, size: 64)
!43 = !DICompositeType(tag: DW_TAG_array_type, baseType: !13, size: 96, elements: !44)
!44 = !{!45}
!45 = !DISubrange(count: 3)
!46 = !DIDerivedType(tag: DW_TAG_member, name: "max_entries", scope: !39, file: !7, line: 9, baseType: !47, size: 64, offset: 64)
!47 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !48, size: 64)
!48 = !DICompositeType(tag: DW_TAG_array_type, baseType: !13, size: 256, elements: !49)
!49 = !{!50}
!50 = !DISubrange(count: 8)
!51 = !DIDerivedType(tag: DW_TAG_member, name: "key_size", scope: !39, file: !7, line: 9, baseType: !17, size: 64, offset: 128)
!52 = !DIDerivedType(tag: DW_TAG_member, name: "value_size", scope: !39, file: !7, line: 9, baseType: !17, size: 64, offset: 192)
!53 = !DIGlobalVariableExpression(var: !54, expr: !DIExpression())
!54 = distinct !DIGlobalVariable(name: "progs_connect4", scope: !2, file: !7, line: 10, type: !55, isLocal: false, isDefinition: true)
!55 = distinct !DICompositeType(tag: DW_TAG_structure_type, file: !7, line: 10, size: 256, elements: !56)
!56 = !{!57, !58, !59, !60}
!57 = !DIDerivedType(tag: DW_TAG_member, name: "type", scope: !55, file: !7, line: 10, baseType: !42, size: 64)
!58 = !DIDerivedType(tag: DW_TAG_member, name: "max_entries", scope: !55, file: !7, line: 10, baseType: !47, size: 64, offset: 64)
!59 = !DIDerivedType(tag: DW_TAG_member, name: "key_size", scope: !55, file: !7, line: 10, baseType: !17, size: 64, offset: 128)
!60 = !DIDerivedType(tag: DW_TAG_member, name: "value_size", scope: !55, file: !7, line: 10, baseType: !17, size: 64, offset: 192)
!61 = !DIGlobalVariableExpression(var: !62, expr: !DIExpression())
!62 = distinct !DIGlobalVariable(name: "events", scope: !2, file: !3, line: 5, type: !63, isLocal: false, isDefinition: true)
!63 = distinct !DICompositeType(tag: DW_TAG_structure_type, file: !3, line: 5, size: 128, elements: !64)
!64 = !{!65, !70}
!65 = !DIDerivedType(tag: DW_TAG_member, name: "type", scope: !63, file: !3, line: 5, baseType: !66, size: 64)
!66 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !67, size: 64)
!67 = !DICompositeType(tag: DW_TAG_array_type, baseType: !13, size: 416, elements: !68)
!68 = !{!69}
!69 = !DISubrange(count: 13)
!70 = !DIDerivedType(tag: DW_TAG_member, name: "max_entries", scope: !63, file: !3, line: 5, baseType: !71, size: 64, offset: 64)
!71 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !72, size: 64)
!72 = !DICompositeType(tag: DW_TAG_array_type, baseType: !13, size: 131072, elements: !73)
!73 = !{!74}
!74 = !DISubrange(count: 4096)
!75 = !DIGlobalVariableExpression(var: !76, expr: !DIExpression())
!76 = distinct !DIGlobalVariable(name: "lookup", scope: !2, file: !7, line: 5, type: !77, isLocal: true, isDefinition: true)
!77 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !78, size: 64)
!78 = !DISubroutineType(types: !79)
!79 = !{!80, !80, !81}
!80 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: null, size: 64)
!81 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !82, size: 64)
!82 = !DIDerivedType(tag: DW_TAG_const_type, baseType: null)
!83 = !DIGlobalVariableExpression(var: !84, expr: !DIExpression())
!84 = distinct !DIGlobalVariable(name: "tail", scope: !2, file: !3, line: 2, type: !85, isLocal: true, isDefinition: true)
!85 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !86, size: 64)
!86 = !DISubroutineType(types: !87)
!87 = !{!88, !80, !80, !23}
!88 = !DIBasicType(name: "long", size: 64, encoding: DW_ATE_signed)
!89 = !DIGlobalVariableExpression(var: !90, expr: !DIExpression())
!90 = distinct !DIGlobalVariable(name: "image", scope: !2, file: !3, line: 4, type: !91, isLocal: true, isDefinition: true)
!91 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !92, size: 64)
!92 = !DISubroutineType(types: !93)
!93 = !{!13, !80, !80, !23}
!94 = !DIGlobalVariableExpression(var: !95, expr: !DIExpression())
!95 = distinct !DIGlobalVariable(name: "out", scope: !2, file: !3, line: 3, type: !96, isLocal: true, isDefinition: true)
!96 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !97, size: 64)
!97 = !DISubroutineType(types: !98)
!98 = !{!88, !80, !80, !27, !27}
!99 = distinct !DICompositeType(tag: DW_TAG_structure_type, file: !7, line: 6, size: 256, elements: !100)
!100 = !{!101, !102, !107, !108}
!101 = !DIDerivedType(tag: DW_TAG_member, name: "type", scope: !99, file: !7, line: 6, baseType: !11, size: 64)
!102 = !DIDerivedType(tag: DW_TAG_member, name: "max_entries", scope: !99, file: !7, line: 6, baseType: !103, size: 64, offset: 64)
!103 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !104, size: 64)
!104 = !DICompositeType(tag: DW_TAG_array_type, baseType: !13, size: 32, elements: !105)
!105 = !{!106}
!106 = !DISubrange(count: 1)
!107 = !DIDerivedType(tag: DW_TAG_member, name: "key", scope: !99, file: !7, line: 6, baseType: !22, size: 64, offset: 128)
!108 = !DIDerivedType(tag: DW_TAG_member, name: "value", scope: !99, file: !7, line: 6, baseType: !109, size: 64, offset: 192)
!109 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !110, size: 64)
!110 = !DICompositeType(tag: DW_TAG_array_type, baseType: !27, size: 2048, elements: !111)
!111 = !{!112}
!112 = !DISubrange(count: 32)
!113 = !{i32 7, !"Dwarf Version", i32 5}
!114 = !{i32 2, !"Debug Info Version", i32 3}
!115 = !{i32 1, !"wchar_size", i32 4}
!116 = !{i32 7, !"frame-pointer", i32 2}
!117 = distinct !DISubprogram(name: "core_row", scope: !7, file: !7, line: 11, type: !118, scopeLine: 11, flags: DIFlagPrototyped | DIFlagAllCallsDescribed, spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: !2, retainedNodes: !120)
!118 = !DISubroutineType(types: !119)
!119 = !{!27, !23}
!120 = !{!121, !122, !123}
!121 = !DILocalVariable(name: "at", arg: 1, scope: !117, file: !7, line: 11, type: !23)
!122 = !DILocalVariable(name: "k", scope: !117, file: !7, line: 11, type: !23)
!123 = !DILocalVariable(name: "v", scope: !117, file: !7, line: 11, type: !26)
!124 = !DILocation(line: 0, scope: !117)
!125 = !DILocation(line: 11, column: 49, scope: !117)
!126 = !DILocation(line: 11, column: 53, scope: !117)
!127 = !{!128, !128, i64 0}
!128 = !{!"int", !129, i64 0}
!129 = !{!"omnipotent char", !130, i64 0}
!130 = !{!"Simple C/C++ TBAA"}
!131 = !DILocation(line: 11, column: 64, scope: !117)
!132 = !DILocation(line: 11, column: 96, scope: !133)
!133 = distinct !DILexicalBlock(scope: !117, file: !7, line: 11, column: 95)
!134 = !DILocation(line: 11, column: 95, scope: !117)
!135 = !DILocation(line: 11, column: 120, scope: !117)
!136 = !DILocation(line: 11, column: 116, scope: !117)
!137 = !{!138, !138, i64 0}
!138 = !{!"long long", !129, i64 0}
!139 = !DILocation(line: 11, column: 109, scope: !117)
!140 = !DILocation(line: 11, column: 126, scope: !117)
!141 = distinct !DISubprogram(name: "core", scope: !7, file: !7, line: 12, type: !142, scopeLine: 12, flags: DIFlagPrototyped | DIFlagAllCallsDescribed, spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: !2, retainedNodes: !144)
!142 = !DISubroutineType(types: !143)
!143 = !{!27, !23, !23}
!144 = !{!145, !146}
!145 = !DILocalVariable(name: "a", arg: 1, scope: !141, file: !7, line: 12, type: !23)
!146 = !DILocalVariable(name: "b", arg: 2, scope: !141, file: !7, line: 12, type: !23)
!147 = !DILocation(line: 0, scope: !141)
!148 = !DILocation(line: 12, column: 57, scope: !141)
!149 = !DILocation(line: 12, column: 69, scope: !141)
!150 = !DILocation(line: 12, column: 68, scope: !141)
!151 = !DILocation(line: 12, column: 50, scope: !141)
!152 = distinct !DISubprogram(name: "exec_dispatch", scope: !3, file: !3, line: 8, type: !153, scopeLine: 8, flags: DIFlagPrototyped | DIFlagAllCallsDescribed, spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: !2, retainedNodes: !176)
!153 = !DISubroutineType(types: !154)
!154 = !{!13, !155}
!155 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !156, size: 64)
!156 = distinct !DICompositeType(tag: DW_TAG_structure_type, name: "md", file: !3, line: 6, size: 1152, elements: !157)
!157 = !{!158, !162, !163, !164, !165, !166, !167, !168, !169, !170, !171, !172}
!158 = !DIDerivedType(tag: DW_TAG_member, name: "start", scope: !156, file: !3, line: 6, baseType: !159, size: 64)
!159 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !160, size: 64)
!160 = !DIDerivedType(tag: DW_TAG_typedef, name: "u8", file: !7, line: 4, baseType: !161)
!161 = !DIBasicType(name: "unsigned char", size: 8, encoding: DW_ATE_unsigned_char)
!162 = !DIDerivedType(tag: DW_TAG_member, name: "end", scope: !156, file: !3, line: 6, baseType: !159, size: 64, offset: 64)
!163 = !DIDerivedType(tag: DW_TAG_member, name: "pid", scope: !156, file: !3, line: 6, baseType: !27, size: 64, offset: 128)
!164 = !DIDerivedType(tag: DW_TAG_member, name: "ppid", scope: !156, file: !3, line: 6, baseType: !27, size: 64, offset: 192)
!165 = !DIDerivedType(tag: DW_TAG_member, name: "cpid", scope: !156, file: !3, line: 6, baseType: !27, size: 64, offset: 256)
!166 = !DIDerivedType(tag: DW_TAG_member, name: "ctid", scope: !156, file: !3, line: 6, baseType: !27, size: 64, offset: 320)
!167 = !DIDerivedType(tag: DW_TAG_member, name: "t0", scope: !156, file: !3, line: 6, baseType: !27, size: 64, offset: 384)
!168 = !DIDerivedType(tag: DW_TAG_member, name: "t1", scope: !156, file: !3, line: 6, baseType: !27, size: 64, offset: 448)
!169 = !DIDerivedType(tag: DW_TAG_member, name: "code", scope: !156, file: !3, line: 6, baseType: !23, size: 32, offset: 512)
!170 = !DIDerivedType(tag: DW_TAG_member, name: "op", scope: !156, file: !3, line: 6, baseType: !160, size: 8, offset: 544)
!171 = !DIDerivedType(tag: DW_TAG_member, name: "sidsize", scope: !156, file: !3, line: 6, baseType: !23, size: 32, offset: 576)
!172 = !DIDerivedType(tag: DW_TAG_member, name: "sid", scope: !156, file: !3, line: 6, baseType: !173, size: 544, offset: 608)
!173 = !DICompositeType(tag: DW_TAG_array_type, baseType: !160, size: 544, elements: !174)
!174 = !{!175}
!175 = !DISubrange(count: 68)
!176 = !{!177}
!177 = !DILocalVariable(name: "c", arg: 1, scope: !152, file: !3, line: 8, type: !155)
!178 = !DILocation(line: 0, scope: !152)
!179 = !DILocation(line: 8, column: 53, scope: !152)
!180 = !DILocation(line: 8, column: 48, scope: !152)
!181 = !DILocation(line: 8, column: 71, scope: !152)
!182 = distinct !DISubprogram(name: "exec_adapter", scope: !3, file: !3, line: 9, type: !153, scopeLine: 9, flags: DIFlagPrototyped | DIFlagAllCallsDescribed, spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: !2, retainedNodes: !183)
!183 = !{!184, !185, !186, !187}
!184 = !DILocalVariable(name: "c", arg: 1, scope: !182, file: !3, line: 9, type: !155)
!185 = !DILocalVariable(name: "b", scope: !182, file: !3, line: 9, type: !110)
!186 = !DILocalVariable(name: "n", scope: !182, file: !3, line: 9, type: !13)
!187 = !DILocalVariable(name: "v", scope: !182, file: !3, line: 9, type: !27)
!188 = !DILocation(line: 0, scope: !182)
!189 = !DILocation(line: 9, column: 52, scope: !182)
!190 = !DILocation(line: 9, column: 56, scope: !182)
!191 = !DILocation(line: 9, column: 69, scope: !192)
!192 = distinct !DILexicalBlock(scope: !182, file: !3, line: 9, column: 66)
!193 = !{!194, !129, i64 68}
!194 = !{!"md", !195, i64 0, !195, i64 8, !138, i64 16, !138, i64 24, !138, i64 32, !138, i64 40, !138, i64 48, !138, i64 56, !128, i64 64, !129, i64 68, !128, i64 72, !129, i64 76}
!195 = !{!"any pointer", !129, i64 0}
!196 = !DILocation(line: 9, column: 66, scope: !192)
!197 = !DILocation(line: 9, column: 66, scope: !182)
!198 = !DILocation(line: 9, column: 95, scope: !182)
!199 = !DILocation(line: 9, column: 89, scope: !182)
!200 = !DILocation(line: 9, column: 110, scope: !182)
!201 = !DILocation(line: 9, column: 126, scope: !182)
!202 = !{!194, !138, i64 16}
!203 = !DILocation(line: 9, column: 123, scope: !182)
!204 = !DILocation(line: 9, column: 116, scope: !182)
!205 = !DILocation(line: 9, column: 114, scope: !182)
!206 = !DILocation(line: 9, column: 135, scope: !207)
!207 = distinct !DILexicalBlock(scope: !182, file: !3, line: 9, column: 135)
!208 = !DILocation(line: 9, column: 135, scope: !182)
!209 = !DILocation(line: 9, column: 138, scope: !207)
!210 = !DILocation(line: 9, column: 169, scope: !182)
!211 = distinct !DISubprogram(name: "connect4_dispatch", scope: !3, file: !3, line: 10, type: !212, scopeLine: 10, flags: DIFlagPrototyped | DIFlagAllCallsDescribed, spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: !2, retainedNodes: !228)
!212 = !DISubroutineType(types: !213)
!213 = !{!13, !214}
!214 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !215, size: 64)
!215 = distinct !DICompositeType(tag: DW_TAG_structure_type, name: "sa", file: !3, line: 7, size: 512, elements: !216)
!216 = !{!217, !218, !220, !223, !224, !225, !226, !227}
!217 = !DIDerivedType(tag: DW_TAG_member, name: "family", scope: !215, file: !3, line: 7, baseType: !23, size: 32)
!218 = !DIDerivedType(tag: DW_TAG_member, name: "msg", scope: !215, file: !3, line: 7, baseType: !219, size: 128, offset: 32)
!219 = !DICompositeType(tag: DW_TAG_array_type, baseType: !23, size: 128, elements: !19)
!220 = !DIDerivedType(tag: DW_TAG_member, name: "mport", scope: !215, file: !3, line: 7, baseType: !221, size: 16, offset: 160)
!221 = !DIDerivedType(tag: DW_TAG_typedef, name: "u16", file: !7, line: 4, baseType: !222)
!222 = !DIBasicType(name: "unsigned short", size: 16, encoding: DW_ATE_unsigned)
!223 = !DIDerivedType(tag: DW_TAG_member, name: "ip", scope: !215, file: !3, line: 7, baseType: !219, size: 128, offset: 192)
!224 = !DIDerivedType(tag: DW_TAG_member, name: "port", scope: !215, file: !3, line: 7, baseType: !221, size: 16, offset: 320)
!225 = !DIDerivedType(tag: DW_TAG_member, name: "protocol", scope: !215, file: !3, line: 7, baseType: !23, size: 32, offset: 352)
!226 = !DIDerivedType(tag: DW_TAG_member, name: "comp", scope: !215, file: !3, line: 7, baseType: !23, size: 32, offset: 384)
!227 = !DIDerivedType(tag: DW_TAG_member, name: "luid", scope: !215, file: !3, line: 7, baseType: !27, size: 64, offset: 448)
!228 = !{!229}
!229 = !DILocalVariable(name: "c", arg: 1, scope: !211, file: !3, line: 10, type: !214)
!230 = !DILocation(line: 0, scope: !211)
!231 = !DILocation(line: 10, column: 65, scope: !211)
!232 = !DILocation(line: 10, column: 60, scope: !211)
!233 = !DILocation(line: 10, column: 87, scope: !211)
!234 = distinct !DISubprogram(name: "connect4_adapter", scope: !3, file: !3, line: 11, type: !212, scopeLine: 11, flags: DIFlagPrototyped | DIFlagAllCallsDescribed, spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: !2, retainedNodes: !235)
!235 = !{!236}
!236 = !DILocalVariable(name: "c", arg: 1, scope: !234, file: !3, line: 11, type: !214)
!237 = !DILocation(line: 0, scope: !234)
!238 = !DILocation(line: 11, column: 79, scope: !234)
!239 = !DILocation(line: 11, column: 91, scope: !234)
!240 = !{!241, !242, i64 40}
!241 = !{!"sa", !128, i64 0, !129, i64 4, !242, i64 20, !129, i64 24, !242, i64 40, !128, i64 44, !128, i64 48, !138, i64 56}
!242 = !{!"short", !129, i64 0}
!243 = !DILocation(line: 11, column: 88, scope: !234)
!244 = !DILocation(line: 11, column: 74, scope: !234)
!245 = !DILocation(line: 11, column: 96, scope: !234)
!246 = !DILocation(line: 11, column: 67, scope: !234)
