; ModuleID = 'linux.c'
source_filename = "linux.c"
target datalayout = "e-m:e-p:64:64-i64:64-i128:128-n32:64-S128"
target triple = "bpf"

%struct.anon = type { ptr, ptr, ptr, ptr }
%struct.anon.0 = type { ptr, ptr, ptr, ptr }
%struct.anon.1 = type { ptr, ptr }
%struct.anon.2 = type { ptr, ptr, ptr, ptr }
%struct.anon.3 = type { ptr, ptr, ptr, ptr }
%struct.anon.4 = type { ptr, ptr, ptr, ptr }
%struct.sa = type { i32, i32, [4 x i32], i32 }

@m_process_exec = dso_local global %struct.anon zeroinitializer, section ".maps", align 8, !dbg !0
@progs_exec = dso_local global %struct.anon.0 zeroinitializer, section ".maps", align 8, !dbg !41
@events = dso_local global %struct.anon.1 zeroinitializer, section ".maps", align 8, !dbg !65
@progs_connect4 = dso_local global %struct.anon.2 zeroinitializer, section ".maps", align 8, !dbg !57
@lic = dso_local global [4 x i8] c"GPL\00", section "license", align 1, !dbg !5
@rules_process_exec = dso_local global %struct.anon.3 zeroinitializer, section ".maps", align 8, !dbg !11
@rules_net_connect = dso_local global %struct.anon.4 zeroinitializer, section ".maps", align 8, !dbg !33
@llvm.compiler.used = appending global [11 x i8*] [i8* bitcast (i32 (%struct.sa*)* @connect4_adapter to i8*), i8* bitcast (i32 (%struct.sa*)* @connect4_dispatch to i8*), i8* bitcast (%struct.anon.1* @events to i8*), i8* bitcast (i32 (i8*)* @exec_adapter to i8*), i8* bitcast (i32 (i8*)* @exec_dispatch to i8*), i8* getelementptr inbounds ([4 x i8], [4 x i8]* @lic, i32 0, i32 0), i8* bitcast (%struct.anon* @m_process_exec to i8*), i8* bitcast (%struct.anon.2* @progs_connect4 to i8*), i8* bitcast (%struct.anon.0* @progs_exec to i8*), i8* bitcast (%struct.anon.4* @rules_net_connect to i8*), i8* bitcast (%struct.anon.3* @rules_process_exec to i8*)], section "llvm.metadata"

; Function Attrs: noinline nounwind
define dso_local i64 @core_row(i32 noundef %0) local_unnamed_addr #0 !dbg !116 {
  %2 = alloca i32, align 4
  call void @llvm.dbg.value(metadata i32 %0, metadata !120, metadata !DIExpression()), !dbg !123
  %3 = bitcast i32* %2 to i8*, !dbg !124
  call void @llvm.lifetime.start.p0i8(i64 4, i8* nonnull %3) #4, !dbg !124
  call void @llvm.dbg.value(metadata i32 0, metadata !121, metadata !DIExpression()), !dbg !123
  store i32 0, i32* %2, align 4, !dbg !125, !tbaa !126
  call void @llvm.dbg.value(metadata i32* %2, metadata !121, metadata !DIExpression(DW_OP_deref)), !dbg !123
  %4 = call i8* inttoptr (i64 1 to i8* (i8*, i8*)*)(i8* noundef bitcast (%struct.anon* @m_process_exec to i8*), i8* noundef nonnull %3) #4, !dbg !130
  call void @llvm.dbg.value(metadata i8* %4, metadata !122, metadata !DIExpression()), !dbg !123
  %5 = icmp eq i8* %4, null, !dbg !131
  br i1 %5, label %12, label %6, !dbg !133

6:                                                ; preds = %1
  %7 = bitcast i8* %4 to i64*, !dbg !130
  call void @llvm.dbg.value(metadata i64* %7, metadata !122, metadata !DIExpression()), !dbg !123
  %8 = and i32 %0, 31, !dbg !134
  %9 = zext i32 %8 to i64, !dbg !135
  %10 = getelementptr inbounds i64, i64* %7, i64 %9, !dbg !135
  %11 = load i64, i64* %10, align 8, !dbg !135, !tbaa !136
  br label %12, !dbg !138

12:                                               ; preds = %1, %6
  %13 = phi i64 [ %11, %6 ], [ 0, %1 ], !dbg !123
  call void @llvm.lifetime.end.p0i8(i64 4, i8* nonnull %3) #4, !dbg !139
  ret i64 %13, !dbg !139
}

; Function Attrs: argmemonly mustprogress nofree nosync nounwind willreturn
declare void @llvm.lifetime.start.p0i8(i64 immarg, i8* nocapture) #1

; Function Attrs: argmemonly mustprogress nofree nosync nounwind willreturn
declare void @llvm.lifetime.end.p0i8(i64 immarg, i8* nocapture) #1

; Function Attrs: noinline nounwind
define dso_local i64 @core(i32 noundef %0, i32 noundef %1) local_unnamed_addr #0 !dbg !140 {
  call void @llvm.dbg.value(metadata i32 %0, metadata !144, metadata !DIExpression()), !dbg !146
  call void @llvm.dbg.value(metadata i32 %1, metadata !145, metadata !DIExpression()), !dbg !146
  %3 = tail call i64 @core_row(i32 noundef %0), !dbg !147
  %4 = tail call i64 @core_row(i32 noundef %1), !dbg !148
  %5 = and i64 %4, %3, !dbg !149
  ret i64 %5, !dbg !150
}

; Function Attrs: nounwind
define dso_local i32 @exec_dispatch(i8* noundef %0) #2 section "raw_tp/sched_process_exec" !dbg !151 {
  call void @llvm.dbg.value(metadata i8* %0, metadata !155, metadata !DIExpression()), !dbg !156
  %2 = tail call i64 inttoptr (i64 12 to i64 (i8*, i8*, i32)*)(i8* noundef %0, i8* noundef bitcast (%struct.anon.0* @progs_exec to i8*), i32 noundef 1) #4, !dbg !157
  ret i32 0, !dbg !158
}

; Function Attrs: nounwind
define dso_local i32 @exec_adapter(i8* nocapture readnone %0) #2 section "raw_tp/sched_process_exec" !dbg !159 {
  %2 = alloca i64, align 8
  call void @llvm.dbg.value(metadata i8* undef, metadata !161, metadata !DIExpression()), !dbg !163
  %3 = bitcast i64* %2 to i8*, !dbg !164
  call void @llvm.lifetime.start.p0i8(i64 8, i8* nonnull %3) #4, !dbg !164
  %4 = tail call i64 @core(i32 noundef 1, i32 noundef 2), !dbg !165
  call void @llvm.dbg.value(metadata i64 %4, metadata !162, metadata !DIExpression()), !dbg !163
  store i64 %4, i64* %2, align 8, !dbg !166, !tbaa !136
  %5 = icmp eq i64 %4, 0, !dbg !167
  br i1 %5, label %8, label %6, !dbg !169

6:                                                ; preds = %1
  call void @llvm.dbg.value(metadata i64* %2, metadata !162, metadata !DIExpression(DW_OP_deref)), !dbg !163
  %7 = call i64 inttoptr (i64 130 to i64 (i8*, i8*, i64, i64)*)(i8* noundef bitcast (%struct.anon.1* @events to i8*), i8* noundef nonnull %3, i64 noundef 8, i64 noundef 0) #4, !dbg !170
  br label %8, !dbg !170

8:                                                ; preds = %6, %1
  call void @llvm.lifetime.end.p0i8(i64 8, i8* nonnull %3) #4, !dbg !171
  ret i32 0, !dbg !172
}

; Function Attrs: nounwind
define dso_local i32 @connect4_dispatch(%struct.sa* noundef %0) #2 section "cgroup/connect4" !dbg !173 {
  call void @llvm.dbg.value(metadata %struct.sa* %0, metadata !185, metadata !DIExpression()), !dbg !186
  %2 = bitcast %struct.sa* %0 to i8*, !dbg !187
  %3 = tail call i64 inttoptr (i64 12 to i64 (i8*, i8*, i32)*)(i8* noundef %2, i8* noundef bitcast (%struct.anon.2* @progs_connect4 to i8*), i32 noundef 1) #4, !dbg !188
  ret i32 1, !dbg !189
}

; Function Attrs: nounwind
define dso_local i32 @connect4_adapter(%struct.sa* nocapture noundef readonly %0) #2 section "?cgroup/connect4" !dbg !190 {
  call void @llvm.dbg.value(metadata %struct.sa* %0, metadata !192, metadata !DIExpression()), !dbg !193
  %2 = getelementptr inbounds %struct.sa, %struct.sa* %0, i64 0, i32 1, !dbg !194
  %3 = load i32, i32* %2, align 4, !dbg !194, !tbaa !195
  %4 = getelementptr inbounds %struct.sa, %struct.sa* %0, i64 0, i32 3, !dbg !197
  %5 = load i32, i32* %4, align 4, !dbg !197, !tbaa !198
  %6 = tail call i64 @core(i32 noundef %3, i32 noundef %5), !dbg !199
  %7 = icmp ne i64 %6, 7, !dbg !200
  %8 = zext i1 %7 to i32, !dbg !200
  ret i32 %8, !dbg !201
}

; Function Attrs: nofree nosync nounwind readnone speculatable willreturn
declare void @llvm.dbg.value(metadata, metadata, metadata) #3

attributes #0 = { noinline nounwind "frame-pointer"="all" "min-legal-vector-width"="0" "no-trapping-math"="true" "stack-protector-buffer-size"="8" "target-cpu"="v3" }
attributes #1 = { argmemonly mustprogress nofree nosync nounwind willreturn }
attributes #2 = { nounwind "frame-pointer"="all" "min-legal-vector-width"="0" "no-trapping-math"="true" "stack-protector-buffer-size"="8" "target-cpu"="v3" }
attributes #3 = { nofree nosync nounwind readnone speculatable willreturn }
attributes #4 = { nounwind }

!llvm.dbg.cu = !{!2}
!llvm.module.flags = !{!112, !113, !114, !115}

!0 = !DIGlobalVariableExpression(var: !1, expr: !DIExpression())
!1 = distinct !DIGlobalVariable(name: "m_process_exec", scope: !2, file: !13, line: 6, type: !98, isLocal: false, isDefinition: true)
!2 = distinct !DICompileUnit(language: DW_LANG_C99, file: !3, isOptimized: true, runtimeVersion: 0, emissionKind: FullDebug, globals: !4, nameTableKind: None)
!3 = !DIFile(filename: "linux.c", directory: ".", checksumkind: CSK_MD5, checksum: "05221760531c03c20328ddbcbb0bc180")
!4 = !{!5, !0, !11, !33, !41, !57, !65, !79, !87, !93}
!5 = !DIGlobalVariableExpression(var: !6, expr: !DIExpression())
!6 = distinct !DIGlobalVariable(name: "lic", scope: !2, file: !3, line: 10, type: !7, isLocal: false, isDefinition: true)
!7 = !DICompositeType(tag: DW_TAG_array_type, baseType: !8, size: 32, elements: !9)
!8 = !DIBasicType(name: "char", size: 8, encoding: DW_ATE_signed_char)
!9 = !{!10}
!10 = !DISubrange(count: 4)
!11 = !DIGlobalVariableExpression(var: !12, expr: !DIExpression())
!12 = distinct !DIGlobalVariable(name: "rules_process_exec", scope: !2, file: !13, line: 7, type: !14, isLocal: false, isDefinition: true)
!13 = !DIFile(filename: "./common.h", directory: ".", checksumkind: CSK_MD5, checksum: "243a2cbc0ecd22d22fc1469a8565e5dc")
!14 = distinct !DICompositeType(tag: DW_TAG_structure_type, file: !13, line: 7, size: 256, elements: !15)
!15 = !{!16, !22, !25, !29}
!16 = !DIDerivedType(tag: DW_TAG_member, name: "type", scope: !14, file: !13, line: 7, baseType: !17, size: 64)
!17 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !18, size: 64)
!18 = !DICompositeType(tag: DW_TAG_array_type, baseType: !19, size: 64, elements: !20)
!19 = !DIBasicType(name: "int", size: 32, encoding: DW_ATE_signed)
!20 = !{!21}
!21 = !DISubrange(count: 2)
!22 = !DIDerivedType(tag: DW_TAG_member, name: "max_entries", scope: !14, file: !13, line: 7, baseType: !23, size: 64, offset: 64)
!23 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !24, size: 64)
!24 = !DICompositeType(tag: DW_TAG_array_type, baseType: !19, size: 128, elements: !9)
!25 = !DIDerivedType(tag: DW_TAG_member, name: "key", scope: !14, file: !13, line: 7, baseType: !26, size: 64, offset: 128)
!26 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !27, size: 64)
!27 = !DIDerivedType(tag: DW_TAG_typedef, name: "u32", file: !13, line: 4, baseType: !28)
!28 = !DIBasicType(name: "unsigned int", size: 32, encoding: DW_ATE_unsigned)
!29 = !DIDerivedType(tag: DW_TAG_member, name: "value", scope: !14, file: !13, line: 7, baseType: !30, size: 64, offset: 192)
!30 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !31, size: 64)
!31 = !DIDerivedType(tag: DW_TAG_typedef, name: "u64", file: !13, line: 4, baseType: !32)
!32 = !DIBasicType(name: "unsigned long long", size: 64, encoding: DW_ATE_unsigned)
!33 = !DIGlobalVariableExpression(var: !34, expr: !DIExpression())
!34 = distinct !DIGlobalVariable(name: "rules_net_connect", scope: !2, file: !13, line: 8, type: !35, isLocal: false, isDefinition: true)
!35 = distinct !DICompositeType(tag: DW_TAG_structure_type, file: !13, line: 8, size: 256, elements: !36)
!36 = !{!37, !38, !39, !40}
!37 = !DIDerivedType(tag: DW_TAG_member, name: "type", scope: !35, file: !13, line: 8, baseType: !17, size: 64)
!38 = !DIDerivedType(tag: DW_TAG_member, name: "max_entries", scope: !35, file: !13, line: 8, baseType: !23, size: 64, offset: 64)
!39 = !DIDerivedType(tag: DW_TAG_member, name: "key", scope: !35, file: !13, line: 8, baseType: !26, size: 64, offset: 128)
!40 = !DIDerivedType(tag: DW_TAG_member, name: "value", scope: !35, file: !13, line: 8, baseType: !30, size: 64, offset: 192)
!41 = !DIGlobalVariableExpression(var: !42, expr: !DIExpression())
!42 = distinct !DIGlobalVariable(name: "progs_exec", scope: !2, file: !13, line: 9, type: !43, isLocal: false, isDefinition: true)
!43 = distinct !DICompositeType(tag: DW_TAG_structure_type, file: !13, line: 9, size: 256, elements: !44)
!44 = !{!45, !50, !55, !56}
!45 = !DIDerivedType(tag: DW_TAG_member, name: "type", scope: !43, file: !13, line: 9, baseType: !46, size: 64)
!46 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !47, size: 64)
!47 = !DICompositeType(tag: DW_TAG_array_type, baseType: !19, size: 96, elements: !48)
!48 = !{!49}
!49 = !DISubrange(count: 3)
!50 = !DIDerivedType(tag: DW_TAG_member, name: "max_entries", scope: !43, file: !13, line: 9, baseType: !51, size: 64, offset: 64)
!51 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !52, size: 64)
!52 = !DICompositeType(tag: DW_TAG_array_type, baseType: !19, size: 256, elements: !53)
!53 = !{!54}
!54 = !DISubrange(count: 8)
!55 = !DIDerivedType(tag: DW_TAG_member, name: "key_size", scope: !43, file: !13, line: 9, baseType: !23, size: 64, offset: 128)
!56 = !DIDerivedType(tag: DW_TAG_member, name: "value_size", scope: !43, file: !13, line: 9, baseType: !23, size: 64, offset: 192)
!57 = !DIGlobalVariableExpression(var: !58, expr: !DIExpression())
!58 = distinct !DIGlobalVariable(name: "progs_connect4", scope: !2, file: !13, line: 10, type: !59, isLocal: false, isDefinition: true)
!59 = distinct !DICompositeType(tag: DW_TAG_structure_type, file: !13, line: 10, size: 256, elements: !60)
!60 = !{!61, !62, !63, !64}
!61 = !DIDerivedType(tag: DW_TAG_member, name: "type", scope: !59, file: !13, line: 10, baseType: !46, size: 64)
!62 = !DIDerivedType(tag: DW_TAG_member, name: "max_entries", scope: !59, file: !13, line: 10, baseType: !51, size: 64, offset: 64)
!63 = !DIDerivedType(tag: DW_TAG_member, name: "key_size", scope: !59, file: !13, line: 10, baseType: !23, size: 64, offset: 128)
!64 = !DIDerivedType(tag: DW_TAG_member, name: "value_size", scope: !59, file: !13, line: 10, baseType: !23, size: 64, offset: 192)
!65 = !DIGlobalVariableExpression(var: !66, expr: !DIExpression())
!66 = distinct !DIGlobalVariable(name: "events", scope: !2, file: !3, line: 4, type: !67, isLocal: false, isDefinition: true)
!67 = distinct !DICompositeType(tag: DW_TAG_structure_type, file: !3, line: 4, size: 128, elements: !68)
!68 = !{!69, !74}
!69 = !DIDerivedType(tag: DW_TAG_member, name: "type", scope: !67, file: !3, line: 4, baseType: !70, size: 64)
!70 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !71, size: 64)
!71 = !DICompositeType(tag: DW_TAG_array_type, baseType: !19, size: 864, elements: !72)
!72 = !{!73}
!73 = !DISubrange(count: 27)
!74 = !DIDerivedType(tag: DW_TAG_member, name: "max_entries", scope: !67, file: !3, line: 4, baseType: !75, size: 64, offset: 64)
!75 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !76, size: 64)
!76 = !DICompositeType(tag: DW_TAG_array_type, baseType: !19, size: 131072, elements: !77)
!77 = !{!78}
!78 = !DISubrange(count: 4096)
!79 = !DIGlobalVariableExpression(var: !80, expr: !DIExpression())
!80 = distinct !DIGlobalVariable(name: "lookup", scope: !2, file: !13, line: 5, type: !81, isLocal: true, isDefinition: true)
!81 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !82, size: 64)
!82 = !DISubroutineType(types: !83)
!83 = !{!84, !84, !85}
!84 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: null, size: 64)
!85 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !86, size: 64)
!86 = !DIDerivedType(tag: DW_TAG_const_type, baseType: null)
!87 = !DIGlobalVariableExpression(var: !88, expr: !DIExpression())
!88 = distinct !DIGlobalVariable(name: "tail", scope: !2, file: !3, line: 2, type: !89, isLocal: true, isDefinition: true)
!89 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !90, size: 64)
!90 = !DISubroutineType(types: !91)
!91 = !{!92, !84, !84, !27}
!92 = !DIBasicType(name: "long", size: 64, encoding: DW_ATE_signed)
!93 = !DIGlobalVariableExpression(var: !94, expr: !DIExpression())
!94 = distinct !DIGlobalVariable(name: "out", scope: !2, file: !3, line: 3, type: !95, isLocal: true, isDefinition: true)
!95 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !96, size: 64)
!96 = !DISubroutineType(types: !97)
!97 = !{!92, !84, !84, !31, !31}
!98 = distinct !DICompositeType(tag: DW_TAG_structure_type, file: !13, line: 6, size: 256, elements: !99)
!99 = !{!100, !101, !106, !107}
!100 = !DIDerivedType(tag: DW_TAG_member, name: "type", scope: !98, file: !13, line: 6, baseType: !17, size: 64)
!101 = !DIDerivedType(tag: DW_TAG_member, name: "max_entries", scope: !98, file: !13, line: 6, baseType: !102, size: 64, offset: 64)
!102 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !103, size: 64)
!103 = !DICompositeType(tag: DW_TAG_array_type, baseType: !19, size: 32, elements: !104)
!104 = !{!105}
!105 = !DISubrange(count: 1)
!106 = !DIDerivedType(tag: DW_TAG_member, name: "key", scope: !98, file: !13, line: 6, baseType: !26, size: 64, offset: 128)
!107 = !DIDerivedType(tag: DW_TAG_member, name: "value", scope: !98, file: !13, line: 6, baseType: !108, size: 64, offset: 192)
!108 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !109, size: 64)
!109 = !DICompositeType(tag: DW_TAG_array_type, baseType: !31, size: 2048, elements: !110)
!110 = !{!111}
!111 = !DISubrange(count: 32)
!112 = !{i32 7, !"Dwarf Version", i32 5}
!113 = !{i32 2, !"Debug Info Version", i32 3}
!114 = !{i32 1, !"wchar_size", i32 4}
!115 = !{i32 7, !"frame-pointer", i32 2}
!116 = distinct !DISubprogram(name: "core_row", scope: !13, file: !13, line: 11, type: !117, scopeLine: 11, flags: DIFlagPrototyped | DIFlagAllCallsDescribed, spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: !2, retainedNodes: !119)
!117 = !DISubroutineType(types: !118)
!118 = !{!31, !27}
!119 = !{!120, !121, !122}
!120 = !DILocalVariable(name: "at", arg: 1, scope: !116, file: !13, line: 11, type: !27)
!121 = !DILocalVariable(name: "k", scope: !116, file: !13, line: 11, type: !27)
!122 = !DILocalVariable(name: "v", scope: !116, file: !13, line: 11, type: !30)
!123 = !DILocation(line: 0, scope: !116)
!124 = !DILocation(line: 11, column: 49, scope: !116)
!125 = !DILocation(line: 11, column: 53, scope: !116)
!126 = !{!127, !127, i64 0}
!127 = !{!"int", !128, i64 0}
!128 = !{!"omnipotent char", !129, i64 0}
!129 = !{!"Simple C/C++ TBAA"}
!130 = !DILocation(line: 11, column: 64, scope: !116)
!131 = !DILocation(line: 11, column: 96, scope: !132)
!132 = distinct !DILexicalBlock(scope: !116, file: !13, line: 11, column: 95)
!133 = !DILocation(line: 11, column: 95, scope: !116)
!134 = !DILocation(line: 11, column: 120, scope: !116)
!135 = !DILocation(line: 11, column: 116, scope: !116)
!136 = !{!137, !137, i64 0}
!137 = !{!"long long", !128, i64 0}
!138 = !DILocation(line: 11, column: 109, scope: !116)
!139 = !DILocation(line: 11, column: 126, scope: !116)
!140 = distinct !DISubprogram(name: "core", scope: !13, file: !13, line: 12, type: !141, scopeLine: 12, flags: DIFlagPrototyped | DIFlagAllCallsDescribed, spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: !2, retainedNodes: !143)
!141 = !DISubroutineType(types: !142)
!142 = !{!31, !27, !27}
!143 = !{!144, !145}
!144 = !DILocalVariable(name: "a", arg: 1, scope: !140, file: !13, line: 12, type: !27)
!145 = !DILocalVariable(name: "b", arg: 2, scope: !140, file: !13, line: 12, type: !27)
!146 = !DILocation(line: 0, scope: !140)
!147 = !DILocation(line: 12, column: 57, scope: !140)
!148 = !DILocation(line: 12, column: 69, scope: !140)
!149 = !DILocation(line: 12, column: 68, scope: !140)
!150 = !DILocation(line: 12, column: 50, scope: !140)
!151 = distinct !DISubprogram(name: "exec_dispatch", scope: !3, file: !3, line: 6, type: !152, scopeLine: 6, flags: DIFlagPrototyped | DIFlagAllCallsDescribed, spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: !2, retainedNodes: !154)
!152 = !DISubroutineType(types: !153)
!153 = !{!19, !84}
!154 = !{!155}
!155 = !DILocalVariable(name: "c", arg: 1, scope: !151, file: !3, line: 6, type: !84)
!156 = !DILocation(line: 0, scope: !151)
!157 = !DILocation(line: 6, column: 61, scope: !151)
!158 = !DILocation(line: 6, column: 84, scope: !151)
!159 = distinct !DISubprogram(name: "exec_adapter", scope: !3, file: !3, line: 7, type: !152, scopeLine: 7, flags: DIFlagPrototyped | DIFlagAllCallsDescribed, spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: !2, retainedNodes: !160)
!160 = !{!161, !162}
!161 = !DILocalVariable(name: "c", arg: 1, scope: !159, file: !3, line: 7, type: !84)
!162 = !DILocalVariable(name: "v", scope: !159, file: !3, line: 7, type: !31)
!163 = !DILocation(line: 0, scope: !159)
!164 = !DILocation(line: 7, column: 60, scope: !159)
!165 = !DILocation(line: 7, column: 66, scope: !159)
!166 = !DILocation(line: 7, column: 64, scope: !159)
!167 = !DILocation(line: 7, column: 80, scope: !168)
!168 = distinct !DILexicalBlock(scope: !159, file: !3, line: 7, column: 80)
!169 = !DILocation(line: 7, column: 80, scope: !159)
!170 = !DILocation(line: 7, column: 83, scope: !168)
!171 = !DILocation(line: 7, column: 114, scope: !159)
!172 = !DILocation(line: 7, column: 104, scope: !159)
!173 = distinct !DISubprogram(name: "connect4_dispatch", scope: !3, file: !3, line: 8, type: !174, scopeLine: 8, flags: DIFlagPrototyped | DIFlagAllCallsDescribed, spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: !2, retainedNodes: !184)
!174 = !DISubroutineType(types: !175)
!175 = !{!19, !176}
!176 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !177, size: 64)
!177 = distinct !DICompositeType(tag: DW_TAG_structure_type, name: "sa", file: !3, line: 5, size: 224, elements: !178)
!178 = !{!179, !180, !181, !183}
!179 = !DIDerivedType(tag: DW_TAG_member, name: "user_family", scope: !177, file: !3, line: 5, baseType: !27, size: 32)
!180 = !DIDerivedType(tag: DW_TAG_member, name: "ip4", scope: !177, file: !3, line: 5, baseType: !27, size: 32, offset: 32)
!181 = !DIDerivedType(tag: DW_TAG_member, name: "ip6", scope: !177, file: !3, line: 5, baseType: !182, size: 128, offset: 64)
!182 = !DICompositeType(tag: DW_TAG_array_type, baseType: !27, size: 128, elements: !9)
!183 = !DIDerivedType(tag: DW_TAG_member, name: "port", scope: !177, file: !3, line: 5, baseType: !27, size: 32, offset: 192)
!184 = !{!185}
!185 = !DILocalVariable(name: "c", arg: 1, scope: !173, file: !3, line: 8, type: !176)
!186 = !DILocation(line: 0, scope: !173)
!187 = !DILocation(line: 8, column: 65, scope: !173)
!188 = !DILocation(line: 8, column: 60, scope: !173)
!189 = !DILocation(line: 8, column: 87, scope: !173)
!190 = distinct !DISubprogram(name: "connect4_adapter", scope: !3, file: !3, line: 9, type: !174, scopeLine: 9, flags: DIFlagPrototyped | DIFlagAllCallsDescribed, spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: !2, retainedNodes: !191)
!191 = !{!192}
!192 = !DILocalVariable(name: "c", arg: 1, scope: !190, file: !3, line: 9, type: !176)
!193 = !DILocation(line: 0, scope: !190)
!194 = !DILocation(line: 9, column: 75, scope: !190)
!195 = !{!196, !127, i64 4}
!196 = !{!"sa", !127, i64 0, !127, i64 4, !128, i64 8, !127, i64 24}
!197 = !DILocation(line: 9, column: 82, scope: !190)
!198 = !{!196, !127, i64 24}
!199 = !DILocation(line: 9, column: 67, scope: !190)
!200 = !DILocation(line: 9, column: 87, scope: !190)
!201 = !DILocation(line: 9, column: 60, scope: !190)
